import { type corev1, refs, type schedulingv1 } from "@ladya/api"
import type { ConformanceContext } from "../support/context.ts"
import { hasCondition, untilObject } from "../support/workloads.ts"

/** The names of the nodes that are ready and take any pod. */
export async function usableNodes(t: ConformanceContext): Promise<string[]> {
  const { items } = await t.client.resource(refs.nodes).list()
  return items
    .filter((node) => !node.spec?.unschedulable && !node.spec?.taints?.length && hasCondition(node, "Ready"))
    .map(({ metadata }) => metadata.name ?? "")
}

/** Makes a PriorityClass that goes with the test, and gives its name. */
export async function priorityClass(t: ConformanceContext, prefix: string, value: number): Promise<string> {
  const name = t.unique(prefix)
  const priority: schedulingv1.PriorityClass = {
    apiVersion: "scheduling.k8s.io/v1",
    kind: "PriorityClass",
    metadata: { name },
    value,
  }
  t.defer(() => t.client.resource(refs.priorityclasses).delete(name))
  await t.client.resource(refs.priorityclasses).create(priority)
  return name
}

/**
 * Lets nodes have so much of a resource that nobody else asks for, and waits until pods can have it. Gives its name.
 * Its capacity is told; what is allocatable of it is for the node's own agent to say.
 */
export async function extendedResource(
  t: ConformanceContext,
  nodes: readonly string[],
  amount: number,
): Promise<string> {
  const name = `example.com/${t.unique("fake")}`
  for (const node of nodes) {
    const patch = (value: string | null) =>
      t.client
        .resource(refs.nodes)
        .patch(node, "merge", { status: { capacity: { [name]: value } } }, { subresource: "status" })
    t.defer(() => patch(null))
    await patch(String(amount))
  }
  for (const node of nodes) {
    await untilObject(t, refs.nodes, { name: node }, `${name} to be allocatable`, ({ status }) => {
      return status?.allocatable?.[name] !== undefined
    })
  }
  return name
}

/** Amounts that are asked for and not exceeded. */
export const exactly = (amounts: Record<string, string>): Pick<corev1.Container, "resources"> => ({
  resources: { requests: amounts, limits: amounts },
})

export const onNode = (name: string): corev1.Affinity => ({
  nodeAffinity: {
    requiredDuringSchedulingIgnoredDuringExecution: {
      nodeSelectorTerms: [{ matchFields: [{ key: "metadata.name", operator: "In", values: [name] }] }],
    },
  },
})

/** Waits until the scheduler has said that the pod fits nowhere. */
export async function untilUnschedulable(t: ConformanceContext, namespace: string, name: string): Promise<corev1.Pod> {
  return await untilObject(t, refs.pods, { name, namespace }, "not to be scheduled", ({ status }) =>
    status?.conditions?.some(({ type, reason }) => type === "PodScheduled" && reason === "Unschedulable"),
  )
}
