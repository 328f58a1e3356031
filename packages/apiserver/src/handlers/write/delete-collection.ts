import { isStatus, type KubeObject } from "@ladya/apimachinery"
import type { Store } from "@ladya/store"
import { mapLimit } from "@ladya/util"
import type { Engine, Operation, Result } from "../operation.ts"
import { type ListOptions, listObjects } from "../read/list.ts"
import { type DeleteOptions, deleteObject } from "./delete.ts"

/** Deletes what a selection chooses, each as `deleteObject` does; what is gone meanwhile is no error. */
export async function deleteCollection(
  engine: Engine,
  store: Store,
  operation: Operation,
  selection: ListOptions,
  options: DeleteOptions,
): Promise<Result> {
  const found = await listObjects(store, operation, selection)
  if (found.type !== "list") return found
  await mapLimit(found.entries, 8, async (entry) => {
    const one: Operation = { ...operation, namespace: entry.namespace, name: entry.name }
    try {
      await deleteObject(engine, one, options)
    } catch (error) {
      if (!isStatus(error, "NotFound")) throw error
    }
  })
  const status = { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", code: 200 }
  return { type: "object", code: 200, object: status as KubeObject, kind: undefined }
}
