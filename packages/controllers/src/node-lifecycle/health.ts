import type { coordinationv1, corev1 } from "@ladya/api"
import { findCondition, formatTime } from "@ladya/apimachinery"

/** What was last heard of a node, on this process's own clock. */
interface Heard {
  /** The newest signs of life: times that the node wrote, which only need to change. */
  signs: string
  atMs: number
}

const watched = ["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"] as const

export interface GracePeriods {
  graceMs: number
  /** For a node that never said anything. */
  startupGraceMs: number
}

/** Remembers when each node last gave a sign of life: renewed its Lease or posted its status. */
export class NodeHealth {
  readonly #heard = new Map<string, Heard>()

  /** Whether the node has been silent for too long. `nowMs` is of a clock that never goes back. */
  isSilent(
    node: corev1.Node,
    lease: coordinationv1.Lease | undefined,
    nowMs: number,
    { graceMs, startupGraceMs }: GracePeriods,
  ): boolean {
    const name = node.metadata.name ?? ""
    const ready = findCondition(node.status?.conditions, "Ready")
    const isNew = !ready || ready.reason === "NodeStatusNeverUpdated"
    const signs = `${lease?.spec?.renewTime ?? ""}|${isNew ? "" : (ready.lastHeartbeatTime ?? "")}`
    const heard = this.#heard.get(name)
    if (heard?.signs !== signs) {
      this.#heard.set(name, { signs, atMs: nowMs })
      return false
    }
    return nowMs - heard.atMs > (isNew ? startupGraceMs : graceMs)
  }

  /** Gives every node its whole grace period again: after an outage of the whole cluster nobody is to blame. */
  pardonAll(nowMs: number): void {
    for (const heard of this.#heard.values()) heard.atMs = nowMs
  }

  forget(name: string): void {
    this.#heard.delete(name)
  }
}

/** The conditions of a node of which nothing is known any more. The same array when they say so already. */
export function silentConditions(node: corev1.Node, now: number): readonly corev1.NodeCondition[] {
  const conditions = node.status?.conditions ?? []
  const missing = watched.filter((type) => !findCondition(conditions, type))
  const isKnown = (one: corev1.NodeCondition): boolean =>
    (watched as readonly string[]).includes(one.type) && one.status !== "Unknown"
  if (missing.length === 0 && !conditions.some(isKnown)) return conditions
  const time = formatTime(now)
  return [
    ...conditions.map((one) =>
      isKnown(one)
        ? {
            ...one,
            status: "Unknown",
            reason: "NodeStatusUnknown",
            message: "Kubelet stopped posting node status.",
            lastTransitionTime: time,
          }
        : one,
    ),
    ...missing.map((type) => ({
      type,
      status: "Unknown",
      reason: "NodeStatusNeverUpdated",
      message: "Kubelet never posted node status.",
      lastHeartbeatTime: node.metadata.creationTimestamp ?? time,
      lastTransitionTime: time,
    })),
  ]
}
