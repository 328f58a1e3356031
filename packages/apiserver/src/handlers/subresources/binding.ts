import type { corev1 } from "@ladya/api"
import { deepCopy, fieldError, formatTime, type KubeObject, statusError } from "@ladya/apimachinery"
import type { Engine, Operation, Result } from "../operation.ts"
import type { SpecialResource } from "../special.ts"
import { updateObject } from "../update.ts"

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
  checkBinding(binding, name)
  const { target } = binding
  await updateObject(engine, pod, {
    strategy: { prepare: () => undefined, validate: () => [] },
    isPatch: true,
    compute(previous) {
      const current = previous as corev1.Pod
      checkPod(operation, current, binding)
      const draft = deepCopy(current)
      draft.spec = { ...(draft.spec as corev1.PodSpec), nodeName: target.name ?? "" }
      if (binding.metadata.annotations) {
        draft.metadata.annotations = { ...draft.metadata.annotations, ...binding.metadata.annotations }
      }
      const now = formatTime(engine.clock.now())
      const others = (draft.status?.conditions ?? []).filter((condition) => condition.type !== "PodScheduled")
      const scheduled: corev1.PodCondition = { type: "PodScheduled", status: "True", lastTransitionTime: now }
      if (draft.metadata.generation) scheduled.observedGeneration = draft.metadata.generation
      draft.status = { ...draft.status, conditions: [...others, scheduled] }
      return draft
    },
  })
  const status = { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", code: 201 }
  return { type: "object", code: 201, object: status as KubeObject, kind: undefined }
}

function checkBinding(binding: corev1.Binding, name: string): void {
  const errors = []
  const { target } = binding
  if (target?.kind && target.kind !== "Node") {
    errors.push(fieldError.notSupported("target.kind", target.kind, ["Node", "<empty>"]))
  }
  if (!target?.name) errors.push(fieldError.required("target.name"))
  if (errors.length > 0) throw statusError.invalid({ group: "", kind: "Binding" }, name, errors)
}

function checkPod(operation: Operation, pod: corev1.Pod, binding: corev1.Binding): void {
  const { name } = pod.metadata
  const target = { group: "", resource: "pods/binding" }
  const conflict = (why: string) => statusError.conflict(target, name ?? "", why)
  if (binding.metadata.uid && binding.metadata.uid !== pod.metadata.uid) {
    throw conflict(
      `Precondition failed: UID in precondition: ${binding.metadata.uid}, UID in object meta: ${pod.metadata.uid}`,
    )
  }
  if (pod.metadata.deletionTimestamp) throw conflict(`pod ${name} is being deleted, cannot be assigned to a host`)
  if (pod.spec?.nodeName) {
    throw conflict(`pod ${name} is already assigned to node ${JSON.stringify(pod.spec.nodeName)}`)
  }
  if (pod.spec?.schedulingGates?.length) {
    throw conflict(`pod ${name} has non-empty .spec.schedulingGates`)
  }
  if (operation.namespace !== pod.metadata.namespace) throw statusError.notFound(target, name ?? "")
}
