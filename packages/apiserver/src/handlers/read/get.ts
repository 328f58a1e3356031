import { statusError } from "@ladya/apimachinery"
import { type Operation, type Result, storageOf } from "../operation.ts"
import { parseRevision } from "./revision.ts"

export interface GetOptions {
  resourceVersion?: string | undefined
}

/** One object: as of all acknowledged writes, or at least as of `resourceVersion`. Throws 404. */
export async function getObject(operation: Operation, options: GetOptions = {}): Promise<Result> {
  const storage = storageOf(operation)
  const key = storage.keyOf(operation.namespace, operation.name)
  const revision = parseRevision(options.resourceVersion)
  if (revision === undefined) await storage.fresh()
  else await storage.notOlderThan(revision)
  const entry = storage.cache.get(key)
  if (!entry) throw statusError.notFound(operation.resource.kind, operation.name)
  return { type: "entry", code: 200, entry }
}
