import { isPodTerminal, podRequests } from "@ladya/api"
import { addQuantities, compareQuantities, formatQuantity, type Quantity } from "@ladya/apimachinery"
import { type Invariant, type PodChange, podText, type World } from "./invariant.ts"

/** A pod is bound once, to a node that has room for it. */
export function newPlacement(): Invariant {
  let checks = 0
  return {
    name: "pods are bound once, and nodes never hold more than they can",
    get checks() {
      return checks
    },
    onPod(change: PodChange, world: World) {
      const { pod } = change
      const node = pod.spec?.nodeName
      if (change.type === "update" && change.previous.spec?.nodeName && change.previous.spec.nodeName !== node) {
        return `${podText(pod)} was moved from ${change.previous.spec.nodeName} to ${node}`
      }
      const before = change.type === "update" ? change.previous.spec?.nodeName : undefined
      if (!node || before || change.type === "delete") return undefined
      const allocatable = world.nodes.get({ namespace: "", name: node })?.status?.allocatable
      if (!allocatable) return undefined
      checks++
      const there = world.pods.list().filter((other) => other.spec?.nodeName === node && !isPodTerminal(other))
      if (there.length > Number(allocatable["pods"] ?? "110")) return `node ${node} holds ${there.length} pods`
      for (const resource of ["cpu", "memory"]) {
        let used: Quantity | undefined
        for (const other of there) {
          const request = podRequests(other).get(resource)
          if (request) used = used ? addQuantities(used, request) : request
        }
        const most = allocatable[resource] ?? "0"
        if (used && compareQuantities(used, most) > 0) {
          return `node ${node} has ${formatQuantity(used)} of ${resource} promised, and only ${most}`
        }
      }
      return undefined
    },
  }
}
