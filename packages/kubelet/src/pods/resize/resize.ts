import { isDeepStrictEqual } from "node:util"
import type { corev1 } from "@ladya/api"
import { quantityToMilli } from "@ladya/apimachinery"
import { annotations } from "../../runtime/labels.ts"
import type { ObservedContainer, ObservedPod, ObservedSandbox } from "../../runtime/observed.ts"
import { latestIn } from "../../runtime/observed.ts"
import type { AdmissionInput } from "../admission/admission.ts"
import { shortage } from "../admission/admission.ts"
import type { ContainerKill } from "../plan/plan.ts"
import { isSidecar, type Pod } from "../pod.ts"

/** Requests and limits of a container, without what is empty. */
export type Resources = Pick<corev1.ResourceRequirements, "limits" | "requests">

/** Whether the node gives a pod the resources it asks for now. */
export type ResizePlan =
  | { kind: "none" }
  | { kind: "grant" }
  /** Never on this node, or not while the other pods run. */
  | { kind: "pending"; reason: "Infeasible" | "Deferred"; message: string }

export function resourcesOf(requirements: corev1.ResourceRequirements | undefined): Resources {
  const { limits, requests } = requirements ?? {}
  return {
    ...(limits && Object.keys(limits).length > 0 ? { limits } : {}),
    ...(requests && Object.keys(requests).length > 0 ? { requests } : {}),
  }
}

/** The containers whose resources can change while they run. */
function resizable(pod: Pod): corev1.Container[] {
  return [...(pod.spec?.initContainers ?? []).filter(isSidecar), ...(pod.spec?.containers ?? [])]
}

/** The pod with the resources that were granted in place of those that are asked for. */
export function withResources(pod: Pod, granted: ReadonlyMap<string, Resources>): Pod {
  const replace = (container: corev1.Container): corev1.Container => {
    const resources = granted.get(container.name)
    if (!resources || isDeepStrictEqual(resources, resourcesOf(container.resources))) return container
    const { limits: _, requests: __, ...rest } = container.resources ?? {}
    return { ...container, resources: { ...rest, ...resources } }
  }
  const { spec } = pod
  if (!spec) return pod
  return {
    ...pod,
    spec: {
      ...spec,
      containers: spec.containers.map(replace),
      ...(spec.initContainers ? { initContainers: spec.initContainers.map(replace) } : {}),
    },
  }
}

/** What was granted to a pod that ran here before this agent: what its status was last told. */
export function grantedBefore(pod: Pod): Map<string, Resources> {
  const statuses = [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])]
  const granted = new Map<string, Resources>()
  for (const container of resizable(pod)) {
    const told = statuses.find(({ name }) => name === container.name)?.resources
    granted.set(container.name, told ? resourcesOf(told) : resourcesOf(container.resources))
  }
  return granted
}

/** Whether a changed request for resources is granted. */
export function planResize(asked: Pod, granted: Pod, input: Omit<AdmissionInput, "pod">): ResizePlan {
  const same = resizable(asked).every((container) => {
    const now = resizable(granted).find(({ name }) => name === container.name)
    return isDeepStrictEqual(resourcesOf(container.resources), resourcesOf(now?.resources))
  })
  if (same) return { kind: "none" }
  const alone = shortage({ ...input, pod: asked, others: [] })
  if (alone) {
    const message = `Node didn't have enough capacity: ${alone.name}, requested: ${alone.requested}, capacity: ${alone.capacity}`
    return { kind: "pending", reason: "Infeasible", message }
  }
  const now = shortage({ ...input, pod: asked })
  if (now) {
    const amounts = `requested: ${now.requested}, used: ${now.used}, capacity: ${now.capacity}`
    return { kind: "pending", reason: "Deferred", message: `Node didn't have enough resource: ${now.name}, ${amounts}` }
  }
  return { kind: "grant" }
}

/** How the resources of one running container are brought to what was granted. */
export interface ContainerResize {
  container: corev1.Container
  observed: ObservedContainer
  /** The container says of a resource that changes that it must be started anew for it. */
  restart: boolean
}

const amount = (text: string | undefined): number => (text === undefined ? -1 : quantityToMilli(text))

function changedNames(before: Resources, after: Resources): string[] {
  return ["cpu", "memory"].filter((name) =>
    (["limits", "requests"] as const).some((list) => amount(before[list]?.[name]) !== amount(after[list]?.[name])),
  )
}

/** The resources that a container was made with. */
export function madeWith(observed: ObservedContainer): Resources | undefined {
  const note = observed.annotations[annotations.resources]
  if (note === undefined) return undefined
  try {
    return JSON.parse(note) as Resources
  } catch {
    return undefined
  }
}

/** The running containers that do not have yet what was granted. `applied` knows those that were changed since. */
export function containerResizes(
  granted: Pod,
  observed: ObservedPod,
  sandbox: ObservedSandbox,
  applied: ReadonlyMap<string, Resources>,
): ContainerResize[] {
  const resizes: ContainerResize[] = []
  for (const container of resizable(granted)) {
    const current = latestIn(observed, sandbox.id, container.name)
    if (current?.state !== "running") continue
    const before = applied.get(current.id) ?? madeWith(current)
    const after = resourcesOf(container.resources)
    // Nobody noted what it has: write what it should have.
    const changed = before ? changedNames(before, after) : ["cpu", "memory"]
    if (changed.length === 0) continue
    const restart =
      before !== undefined &&
      changed.some((name) =>
        container.resizePolicy?.some(
          ({ resourceName, restartPolicy }) => resourceName === name && restartPolicy === "RestartContainer",
        ),
      )
    resizes.push({ container, observed: current, restart })
  }
  return resizes
}

/** The kill of a container that is started anew with other resources. */
export function resizeKill({ container, observed }: ContainerResize): ContainerKill {
  return { container: observed, reason: "resize", message: `Container ${container.name} resize requires restart` }
}
