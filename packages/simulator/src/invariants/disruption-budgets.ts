import { isPodReady, podCondition } from "@ladya/api"
import { compileLabelSelector, resolveIntOrPercent } from "@ladya/apimachinery"
import { type Invariant, isEnding, isToldToEnd, type Pod, type PodChange, podText, type World } from "./invariant.ts"

const wasEvicted = (pod: Pod): boolean => podCondition(pod, "DisruptionTarget")?.reason === "EvictionByEvictionAPI"

/** An eviction leaves at least as many healthy pods as the PodDisruptionBudget wants. */
export function newDisruptionBudgets(): Invariant {
  let checks = 0
  return {
    name: "evictions never go below a PodDisruptionBudget",
    get checks() {
      return checks
    },
    onPod(change: PodChange, world: World) {
      const { pod } = change
      if (!isToldToEnd(change) || !wasEvicted(pod)) return undefined
      for (const budget of world.budgets.inNamespace(pod.metadata.namespace ?? "")) {
        const selector = compileLabelSelector(budget.spec?.selector)
        if (!selector.matches(pod.metadata.labels ?? {})) continue
        const { minAvailable, maxUnavailable } = budget.spec ?? {}
        const all = world.pods
          .inNamespace(pod.metadata.namespace ?? "")
          .filter((other) => selector.matches(other.metadata.labels ?? {}))
        const healthy = all.filter((other) => isPodReady(other) && !isEnding(other)).length
        const expected = budget.status?.expectedPods ?? all.length
        const wanted =
          minAvailable !== undefined
            ? resolveIntOrPercent(minAvailable, expected, { round: "up" })
            : expected - resolveIntOrPercent(maxUnavailable ?? 0, expected, { round: "up" })
        checks++
        if (healthy < wanted) {
          return `${podText(pod)} was evicted with ${healthy} healthy pods left, where ${budget.metadata.name} wants ${wanted}`
        }
      }
      return undefined
    },
  }
}
