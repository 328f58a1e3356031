import { claimNameOf, type corev1, refs } from "@ladya/api"
import type { Cause, NodeAnswer } from "../finding.ts"
import type { View } from "../view.ts"

/** Sentences for the plugins that refuse most: what the pod or the node would have to change. */
const unblocks: Readonly<Record<string, string>> = {
  InterPodAffinity: "change the pod's affinity or anti-affinity, or move the pods it names",
  NodeAffinity: "label the node as nodeSelector or nodeAffinity asks, or ask for less",
  NodeName: "spec.nodeName names another node",
  NodePorts: "free the host port, or take another",
  NodeResourcesFit: "free or add resources there, or ask for less",
  NodeUnschedulable: "kubectl uncordon the node",
  PodTopologySpread: "raise maxSkew, use whenUnsatisfiable: ScheduleAnyway, or add nodes to the emptier domains",
  TaintToleration: "add a toleration to the pod, or take the taint off the node",
  VolumeBinding: "bind or provide the volume where the node can reach it",
}

export const unblockOf = (plugin: string | undefined): string | undefined =>
  plugin ? (unblocks[plugin] ?? `satisfy the scheduler plugin ${plugin}`) : undefined

/** `NodeResourcesFit on 2 nodes, TaintToleration on 1`. */
function summary(nodes: readonly NodeAnswer[]): string {
  const counts = new Map<string, number>()
  for (const { reasons } of nodes) for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1)
  return [...counts]
    .toSorted(([, a], [, b]) => b - a)
    .map(([reason, count]) => `${count} × ${reason}`)
    .join(", ")
}

/** A claim that has to be bound first. */
async function claimCause(view: View, pod: corev1.Pod): Promise<Cause | undefined> {
  for (const volume of pod.spec?.volumes ?? []) {
    const { name } = volume
    const claimName = claimNameOf(pod, volume)
    if (!claimName) continue
    const claim = await view.find(refs.persistentvolumeclaims, claimName, pod.metadata.namespace)
    if (!claim) {
      return {
        state: "stuck",
        cause: `the claim ${claimName} of its volume ${name} does not exist`,
        fix: [`create the PersistentVolumeClaim ${claimName}`],
      }
    }
    if (claim.status?.phase === "Lost") {
      return {
        state: "stuck",
        cause: `the claim ${claimName} has lost its volume ${claim.spec?.volumeName}`,
        fix: ["restore the PersistentVolume, or delete and make the claim anew"],
      }
    }
  }
  return undefined
}

/** Why a pod has no node. */
export async function pendingCause(view: View, pod: corev1.Pod): Promise<Cause> {
  const gates = pod.spec?.schedulingGates ?? []
  if (gates.length > 0) {
    const names = gates.map(({ name }) => name).join(", ")
    return {
      state: "stuck",
      cause: `it is held back by the scheduling gate${gates.length > 1 ? "s" : ""} ${names}`,
      fix: ["whoever set spec.schedulingGates has to take them away"],
    }
  }
  const claim = await claimCause(view, pod)
  if (claim) return claim
  const answer = await view.placement(pod)
  if (answer.pod) {
    return {
      state: "stuck",
      cause: `the scheduler refuses it before looking at any node: ${answer.pod.reasons.join(", ")}`,
      fix: [unblockOf(answer.pod.plugin) ?? "correct the pod's spec"],
    }
  }
  const scheduler = pod.spec?.schedulerName ?? "default-scheduler"
  if (answer.nodes.length === 0) {
    return { state: "stuck", cause: "the cluster has no node", fix: ["start one: ladya up --nodes 1, or ladya agent"] }
  }
  const nodes = answer.nodes.map((node): NodeAnswer => {
    const unblock = unblockOf(node.plugin)
    return unblock ? { ...node, unblock } : node
  })
  const fitting = nodes.filter(({ plugin }) => !plugin)
  if (fitting.length > 0) {
    const foreign = scheduler !== "default-scheduler"
    return {
      state: foreign ? "stuck" : "waiting",
      cause: foreign
        ? `no scheduler called ${scheduler} has taken it, though ${fitting.length} of ${nodes.length} nodes would fit`
        : `${fitting.length} of ${nodes.length} nodes fit now; the scheduler has not come to it yet`,
      fix: foreign
        ? [`start a scheduler called ${scheduler}, or leave spec.schedulerName out`]
        : ["look again in a moment"],
      nodes,
    }
  }
  const nominated = pod.status?.nominatedNodeName
  if (nominated) {
    return {
      state: "waiting",
      cause: `less important pods are being ended on node ${nominated} to make room for it`,
      fix: ["wait for their grace periods"],
      nodes,
    }
  }
  const fixes = [...new Set(nodes.map(({ plugin }) => unblockOf(plugin) ?? ""))].filter(Boolean)
  return { state: "stuck", cause: `no node fits: ${summary(nodes)}`, fix: fixes, nodes }
}
