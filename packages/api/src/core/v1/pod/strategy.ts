import { formatTime, type metav1 } from "@ladya/apimachinery"
import type * as corev1 from "../../../generated/types/corev1.ts"
import { podQosClass } from "../../../helpers/pod-resources.ts"
import { isPodTerminal, setPodCondition } from "../../../helpers/pods.ts"
import { bumpGeneration, keepField, keepSystemMetadata, startGeneration } from "../../../strategy.ts"

type Pod = corev1.Pod

function requirementOf(key: string, operator: "In" | "NotIn", value: string): metav1.LabelSelectorRequirement {
  return { key, operator, values: [value] }
}

// Keys named in matchLabelKeys stand for the pod's own values: they are written into the selectors once, on creation.
function expandLabelKeys(pod: Pod): void {
  const labels = pod.metadata.labels ?? {}
  const { affinity, topologySpreadConstraints } = pod.spec ?? {}
  const expand = (
    selector: metav1.LabelSelector | undefined,
    keys: readonly string[] | undefined,
    operator: "In" | "NotIn",
  ): void => {
    if (!selector) return
    for (const key of keys ?? []) {
      const value = labels[key]
      if (value === undefined) continue
      selector.matchExpressions ??= []
      selector.matchExpressions.push(requirementOf(key, operator, value))
    }
  }
  for (const constraint of topologySpreadConstraints ?? []) {
    expand(constraint.labelSelector, constraint.matchLabelKeys, "In")
  }
  for (const group of [affinity?.podAffinity, affinity?.podAntiAffinity]) {
    const terms = [
      ...(group?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
      ...(group?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((weighted) => weighted.podAffinityTerm),
    ]
    for (const term of terms) {
      // What the validation, which comes later, refuses.
      if (!term) continue
      expand(term.labelSelector, term.matchLabelKeys, "In")
      expand(term.labelSelector, term.mismatchLabelKeys, "NotIn")
    }
  }
}

export function prepareForCreate(pod: Pod): void {
  const spec = pod.spec ?? { containers: [] }
  pod.status = { phase: "Pending", qosClass: podQosClass(spec) }
  if (spec.schedulingGates?.length) {
    pod.status.conditions = [
      {
        type: "PodScheduled",
        status: "False",
        reason: "SchedulingGated",
        message: "Scheduling is blocked due to non-empty scheduling gates",
      },
    ]
  }
  expandLabelKeys(pod)
  startGeneration(pod)
}

export function prepareForUpdate(pod: Pod, previous: Pod): void {
  keepField(pod, previous, "status")
  bumpGeneration(pod, previous)
}

export function prepareForStatusUpdate(pod: Pod, previous: Pod): void {
  keepField(pod, previous, "spec")
  keepSystemMetadata(pod, previous)
  if (previous.metadata.ownerReferences) pod.metadata.ownerReferences = previous.metadata.ownerReferences
  else delete pod.metadata.ownerReferences
  pod.status ??= {}
  if (!pod.status.qosClass && previous.status?.qosClass) pod.status.qosClass = previous.status.qosClass
}

/** Through `ephemeralcontainers` only that list changes. */
export function prepareEphemeralContainers(pod: Pod, previous: Pod): void {
  const list = pod.spec?.ephemeralContainers
  keepField(pod, previous, "status")
  pod.spec = { ...(previous.spec ?? { containers: [] }) }
  if (list) pod.spec.ephemeralContainers = list
  else delete pod.spec.ephemeralContainers
  bumpGeneration(pod, previous)
}

/** Through `resize` only the resources and resize policies of containers change. */
export function prepareResize(pod: Pod, previous: Pod): void {
  const merge = (
    next: readonly corev1.Container[] | undefined,
    stored: readonly corev1.Container[] | undefined,
  ): corev1.Container[] | undefined =>
    stored?.map((container, index) => {
      const wanted = next?.[index]
      if (!wanted || wanted.name !== container.name) return container
      return {
        ...container,
        ...(wanted.resources ? { resources: wanted.resources } : {}),
        ...(wanted.resizePolicy ? { resizePolicy: wanted.resizePolicy } : {}),
      }
    })
  const { containers, initContainers } = pod.spec ?? {}
  keepField(pod, previous, "status")
  pod.spec = { ...(previous.spec ?? { containers: [] }) }
  pod.spec.containers = merge(containers, previous.spec?.containers) ?? []
  const init = merge(initContainers, previous.spec?.initContainers)
  if (init) pod.spec.initContainers = init
  bumpGeneration(pod, previous)
}

/** The pod's own period unless told; at once when it never ran or has ended. */
export function deletionGraceSeconds(pod: Pod, requested?: number): number {
  if (!pod.spec?.nodeName || isPodTerminal(pod)) return 0
  const period = requested ?? pod.spec.terminationGracePeriodSeconds ?? 0
  return period < 0 ? 1 : period
}

/**
 * Assigns a pod to the node that a Binding names, with the Binding's labels and annotations.
 * Returns why it cannot be, as the API words it, or undefined when it was done.
 */
export function bindPod(draft: Pod, binding: corev1.Binding, now: number): string | undefined {
  const { name } = draft.metadata
  const machine = binding.target.name ?? ""
  if (binding.target.kind && binding.target.kind !== "Node") return `unsupported target kind: ${binding.target.kind}`
  if (draft.metadata.deletionTimestamp) return `pod ${name} is being deleted, cannot be assigned to a host`
  if (draft.spec?.nodeName) return `pod ${name} is already assigned to node ${JSON.stringify(draft.spec.nodeName)}`
  if (draft.spec?.schedulingGates?.length) return `pod ${name} has non-empty .spec.schedulingGates`
  draft.spec ??= { containers: [] }
  draft.spec.nodeName = machine
  if (binding.metadata.annotations) {
    draft.metadata.annotations = { ...draft.metadata.annotations, ...binding.metadata.annotations }
  }
  // The pod's own labels stand.
  if (binding.metadata.labels) draft.metadata.labels = { ...binding.metadata.labels, ...draft.metadata.labels }
  setPodCondition(draft, { type: "PodScheduled", status: "True", lastTransitionTime: formatTime(now) }, now)
  return undefined
}
