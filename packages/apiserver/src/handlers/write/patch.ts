import { type KubeObject, newStatusError } from "@ladya/apimachinery"
import type { Engine, Operation, Result } from "../operation.ts"
import { workingKind } from "../versions.ts"
import { strategyOf } from "./strategies.ts"
import { updateObject } from "./update.ts"

/** Makes the next object out of the present one. Neither argument nor result is shared. */
export type Patcher = (previous: KubeObject) => KubeObject

/** Patches an object; after a conflict the patch is tried again on what stands there then. */
export async function patchObject(engine: Engine, operation: Operation, patcher: Patcher): Promise<Result> {
  const strategy = strategyOf(workingKind(operation), operation.subresource)
  if (!strategy)
    throw newStatusError("MethodNotAllowed", "the server does not allow this method on the requested resource")
  return updateObject(engine, operation, {
    strategy: { ...strategy, mayCreate: false },
    isPatch: true,
    compute(previous) {
      // `mayCreate` is off: there is always something.
      return patcher(previous as KubeObject)
    },
  })
}
