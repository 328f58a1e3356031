import { bindPod, type corev1, validateBinding } from "@ladya/api"
import { deepCopy, type KubeObject, statusError } from "@ladya/apimachinery"
import type { Engine, Operation, Result } from "../operation.ts"
import type { SpecialResource } from "../special.ts"
import { updateObject } from "../write/update.ts"

/** Assigns a pod to a node: `pods/binding`, and `bindings` itself. */
export const bindingResource: SpecialResource = {
  input: { group: "", version: "v1", kind: "Binding", type: "io.k8s.api.core.v1.Binding" },
  create: (engine, operation, input) => bind(engine, operation, input as corev1.Binding),
}

async function bind(engine: Engine, operation: Operation, binding: corev1.Binding): Promise<Result> {
  const pods = engine.resources.lookup("", "v1", "pods")
  if (!pods) throw new Error("pods are not served")
  const name = operation.name || binding.metadata.name || ""
  const pod: Operation = { ...operation, resource: pods, name, subresource: "binding" }
  const errors = validateBinding(binding)
  if (errors.length > 0) throw statusError.invalid({ group: "", kind: "Binding" }, name, errors)
  await updateObject(engine, pod, {
    strategy: { prepare: () => undefined, validate: () => [] },
    isPatch: true,
    ownership: "kept",
    compute(previous) {
      const draft = deepCopy(previous as corev1.Pod)
      const target = { group: "", resource: "pods/binding" }
      const { uid } = binding.metadata
      if (uid && uid !== draft.metadata.uid) {
        const why = `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${draft.metadata.uid}`
        throw statusError.conflict(target, name, why)
      }
      const refusal = bindPod(draft, binding, engine.clock.now())
      if (refusal) throw statusError.conflict(target, name, refusal)
      return draft
    },
  })
  const status = { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", code: 201 }
  return { type: "object", code: 201, object: status as KubeObject, kind: undefined }
}
