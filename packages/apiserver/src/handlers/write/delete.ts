import {
  deepCopy,
  fieldError,
  formatTime,
  type KubeObject,
  type metav1,
  statusError,
  validateObjectMetaUpdate,
} from "@ladya/apimachinery"
import { returnsDeletedObject } from "../../openapi/deletion.ts"
import type { Entry } from "../../storage/entry.ts"
import type { ResourceStorage } from "../../storage/resource-storage.ts"
import { type Engine, type Operation, type Result, storageOf } from "../operation.ts"
import { attributesOf, mutate, validate } from "./admit.ts"
import { goneTest } from "./strategies.ts"

export interface DeleteOptions {
  gracePeriodSeconds?: number | undefined
  propagationPolicy?: string | undefined
  orphanDependents?: boolean | undefined
  preconditions?: { uid?: string; resourceVersion?: string } | undefined
}

const attempts = 10

/** Deletes an object, or begins to. Throws 404, 409 and 422 Statuses. */
export async function deleteObject(engine: Engine, operation: Operation, options: DeleteOptions): Promise<Result> {
  checkDeleteOptions(options)
  const storage = storageOf(operation)
  const key = storage.keyOf(operation.namespace, operation.name)
  let current = await storage.get(key)
  for (let attempt = 1; ; attempt++) {
    if (!current) throw statusError.notFound(operation.resource.kind, operation.name)
    checkPreconditions(operation, current.object, options)
    const attributes = attributesOf(operation, "DELETE", undefined, current.object, options)
    await mutate(engine, attributes)
    await validate(engine, attributes)
    const step = await tryDelete(engine, operation, options, storage, key, current)
    if ("result" in step) return step.result
    if (attempt === attempts) {
      throw statusError.conflict(
        operation.resource.kind,
        operation.name,
        "the object has been modified; please apply your changes to the latest version and try again",
      )
    }
    current = step.current
  }
}

type Step = { result: Result } | { current: Entry | undefined }

async function tryDelete(
  engine: Engine,
  operation: Operation,
  options: DeleteOptions,
  storage: ResourceStorage,
  key: string,
  current: Entry,
): Promise<Step> {
  const next = planDeletion(storage, current.object, options, engine.clock.now())
  if (next === "done already") return { result: { type: "entry", code: 200, entry: current } }
  if (next !== "remove") {
    const errors = validateObjectMetaUpdate(next.metadata, {
      ...current.object.metadata,
      ...(next.metadata.deletionTimestamp ? { deletionTimestamp: next.metadata.deletionTimestamp } : {}),
      finalizers: next.metadata.finalizers ?? [],
      ...(next.metadata.deletionGracePeriodSeconds === undefined
        ? {}
        : { deletionGracePeriodSeconds: next.metadata.deletionGracePeriodSeconds }),
    })
    if (errors.length > 0) throw statusError.invalid(storage.kind, operation.name, errors)
    if (operation.dryRun) return { result: objectResult(operation, next) }
    const outcome = await storage.update(key, storage.encode(next), next, current.revision)
    if (!outcome.ok) return { current: outcome.current }
    const isAccepted = options.orphanDependents === false
    return { result: { type: "entry", code: isAccepted ? 202 : 200, entry: outcome.entry } }
  }
  if (operation.dryRun) return { result: deletedResult(operation, storage, current) }
  const outcome = await storage.delete(key, current.revision)
  if (!outcome.ok) return { current: outcome.current }
  const { group, resource } = storage.kind.storage
  await engine.hooks.get(`${group}/${resource}`)?.afterDelete?.(current.object)
  return { result: deletedResult(operation, storage, outcome.entry) }
}

function objectResult(operation: Operation, object: KubeObject): Result {
  const { kind } = operation.resource
  return { type: "object", code: 200, object: kind.fromStorage(object), kind }
}

function deletedResult(operation: Operation, storage: ResourceStorage, entry: Entry): Result {
  if (returnsDeletedObject(storage.kind)) return { type: "entry", code: 200, entry }
  const { kind } = operation.resource
  const status: metav1.Status = {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Success",
    details: {
      name: operation.name,
      ...(kind.group ? { group: kind.group } : {}),
      kind: kind.resource,
      ...(entry.object.metadata.uid ? { uid: entry.object.metadata.uid } : {}),
    },
  }
  return { type: "object", code: 200, object: status as unknown as KubeObject, kind: undefined }
}

/** The finalizers a deletion of this kind leaves on the object: what was there, and what the policy asks for. */
function finalizersFor(existing: readonly string[], options: DeleteOptions): string[] {
  const { propagationPolicy: policy, orphanDependents } = options
  let orphan = existing.includes("orphan")
  let foreground = existing.includes("foregroundDeletion")
  if (orphanDependents !== undefined) {
    orphan = orphanDependents
    foreground = false
  } else if (policy) {
    orphan = policy === "Orphan"
    foreground = policy === "Foreground"
  }
  const rest = existing.filter((name) => name !== "orphan" && name !== "foregroundDeletion")
  if (orphan) rest.push("orphan")
  if (foreground) rest.push("foregroundDeletion")
  return rest
}

/**
 * What deleting comes to: the object goes at once, or its next state while something holds it up.
 * Pure but for the time, in milliseconds.
 */
export function planDeletion(
  storage: Pick<ResourceStorage, "kind">,
  object: KubeObject,
  options: DeleteOptions,
  now: number,
): KubeObject | "remove" | "done already" {
  const { kind } = storage
  const draft = deepCopy(object)
  const { metadata } = draft
  const finalizers = finalizersFor(object.metadata.finalizers ?? [], options)
  if (finalizers.length > 0) metadata.finalizers = finalizers
  else delete metadata.finalizers

  const isFirst = !metadata.deletionTimestamp
  const standing = metadata.deletionGracePeriodSeconds ?? 0
  const graceSeconds = graceOf(kind, object, options)
  if (isFirst) {
    metadata.deletionTimestamp = formatTime(now + graceSeconds * 1000)
    metadata.deletionGracePeriodSeconds = graceSeconds
    if (metadata.generation) metadata.generation++
    if (kind.group === "" && kind.resource === "namespaces") {
      Object.assign(draft, { status: { ...(draft as { status?: object }).status, phase: "Terminating" } })
    }
  } else if (graceSeconds < standing) {
    // A shorter grace counts from when deletion began.
    const began = Date.parse(metadata.deletionTimestamp ?? "") - standing * 1000
    metadata.deletionTimestamp = formatTime(
      Math.max(began + graceSeconds * 1000, Math.min(now, began + standing * 1000)),
    )
    metadata.deletionGracePeriodSeconds = graceSeconds
  }
  if (goneTest(kind)(draft)) return "remove"
  const isSame =
    !isFirst &&
    metadata.deletionGracePeriodSeconds === object.metadata.deletionGracePeriodSeconds &&
    JSON.stringify(metadata.finalizers) === JSON.stringify(object.metadata.finalizers)
  return isSame ? "done already" : draft
}

function graceOf(kind: ResourceStorage["kind"], object: KubeObject, options: DeleteOptions): number {
  const own = kind.behaviour.deletionGraceSeconds?.(object)
  if (own === undefined) return 0
  // What has no grace of its own (a pod without a node, or ended) gets none by asking.
  if (own === 0) return 0
  const asked = options.gracePeriodSeconds ?? own
  return asked < 0 ? 1 : asked
}

/** Throws a 409 Status when another object, or another state of it, was meant. */
export function checkPreconditions(
  operation: Operation,
  object: KubeObject,
  options: Pick<DeleteOptions, "preconditions">,
): void {
  const { uid, resourceVersion } = options.preconditions ?? {}
  const { kind } = operation.resource
  if (uid && uid !== object.metadata.uid) {
    throw statusError.conflict(
      kind,
      operation.name,
      `the UID in the precondition (${uid}) does not match the UID in record (${object.metadata.uid}). The object might have been deleted and then recreated`,
    )
  }
  if (resourceVersion && resourceVersion !== object.metadata.resourceVersion) {
    throw statusError.conflict(
      kind,
      operation.name,
      `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${object.metadata.resourceVersion}). The object might have been modified`,
    )
  }
}

/** Throws a 422 Status for options that contradict each other. */
export function checkDeleteOptions(options: DeleteOptions): void {
  const errors = []
  const { propagationPolicy: policy, orphanDependents, gracePeriodSeconds } = options
  if (policy !== undefined && orphanDependents !== undefined) {
    errors.push(
      fieldError.invalid("propagationPolicy", policy, "orphanDependents and deletionPropagation cannot be both set"),
    )
  }
  if (policy !== undefined && !["Foreground", "Background", "Orphan"].includes(policy)) {
    errors.push(fieldError.notSupported("propagationPolicy", policy, ["Background", "Foreground", "Orphan", "nil"]))
  }
  if (gracePeriodSeconds !== undefined && !Number.isSafeInteger(gracePeriodSeconds)) {
    errors.push(fieldError.invalid("gracePeriodSeconds", gracePeriodSeconds, "must be a whole number"))
  }
  if (errors.length > 0) throw statusError.invalid({ group: "meta.k8s.io", kind: "DeleteOptions" }, "", errors)
}
