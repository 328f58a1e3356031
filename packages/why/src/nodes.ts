import { type corev1, refs } from "@ladya/api"
import { type Cause, type Finding, healthy, here, waiting } from "./finding.ts"
import { subjectOf, type View } from "./view.ts"

const pressures: Readonly<Record<string, string>> = {
  DiskPressure: "free disk space there, or give the node a larger disk",
  MemoryPressure: "end or move pods that use much memory, or set limits",
  NetworkUnavailable: "the node's network is not set up yet; look at the agent's log",
  PIDPressure: "end what starts so many processes",
}
const leaseNamespace = "kube-node-lease"
const shortSilence = 20

/** What is wrong with a node. */
export async function nodeCause(view: View, node: corev1.Node): Promise<Cause> {
  const name = node.metadata.name ?? ""
  const condition = node.status?.conditions?.find(({ type }) => type === "Ready")
  if (!condition) {
    return waiting("its agent has not reported yet", "wait a moment; when it stays so, look at the agent's log")
  }
  if (condition.status === "Unknown") {
    const lease = await view.find(refs.leases, name, leaseNamespace)
    const silent = view.secondsSince(lease?.spec?.renewTime ?? condition.lastHeartbeatTime)
    return {
      state: "stuck",
      cause: `its agent was last heard of ${silent} s ago: the machine is off, cut off, or the agent has ended`,
      fix: [
        "ladya status shows whether the agent runs; ladya up starts it again",
        "look at the machine and at its network",
      ],
    }
  }
  if (condition.status !== "True") {
    return {
      state: "stuck",
      cause: `its agent says that it is not ready: ${condition.message ?? condition.reason}`,
      fix: ["mend what the message names; the node becomes ready by itself"],
    }
  }
  const pressure = node.status?.conditions?.find(({ type, status }) => type in pressures && status === "True")
  if (pressure) {
    return {
      state: "stuck",
      cause: `it has ${pressure.type}: ${pressure.message}; no new pods are placed there, and some may be evicted`,
      fix: [pressures[pressure.type] ?? ""],
    }
  }
  if (node.spec?.unschedulable) {
    return waiting("it is cordoned: its pods run, new ones go elsewhere", `kubectl uncordon ${name}`)
  }
  const taints = (node.spec?.taints ?? []).filter(({ effect }) => effect !== "PreferNoSchedule")
  if (taints.length > 0) {
    const texts = taints.map(({ key, value, effect }) => `${key}${value ? `=${value}` : ""}:${effect}`)
    return {
      state: "waiting",
      cause: `it is ready, but takes only pods that tolerate ${texts.join(", ")}`,
      fix: taints.map(({ key, effect }) => `kubectl taint node ${name} ${key}:${effect}-`),
    }
  }
  const lease = await view.find(refs.leases, name, leaseNamespace)
  const silent = view.secondsSince(lease?.spec?.renewTime)
  if (lease && silent > shortSilence) {
    return waiting(
      `it still counts as ready, but its agent has been silent for ${silent} s`,
      "look whether the agent runs: ladya status",
    )
  }
  return healthy("it is ready and takes pods")
}

export async function explainNode(view: View, node: corev1.Node): Promise<Finding> {
  const ready = node.status?.conditions?.find(({ type }) => type === "Ready")?.status
  return here(
    subjectOf("Node", node),
    ready === "True" ? "Ready" : `Ready is ${ready ?? "not known"}`,
    await nodeCause(view, node),
  )
}
