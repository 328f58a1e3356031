import { addUsage, isPodTerminal, type QuotaUsage, quotaCovers, quotaUsage } from "@ladya/api"
import { compareQuantities, formatQuantity } from "@ladya/apimachinery"
import { type Invariant, type PodChange, podText, type World } from "./invariant.ts"

const resource = { group: "", resource: "pods" }

/** The pods of a namespace never use more than its ResourceQuota allows. */
export function newQuotas(): Invariant {
  let checks = 0
  return {
    name: "a ResourceQuota is never exceeded",
    get checks() {
      return checks
    },
    onPod(change: PodChange, world: World) {
      if (change.type !== "add") return undefined
      const namespace = change.pod.metadata.namespace ?? ""
      const now = world.clock.now()
      for (const quota of world.quotas.inNamespace(namespace)) {
        const used: QuotaUsage = new Map()
        for (const pod of world.pods.inNamespace(namespace)) {
          if (!isPodTerminal(pod) && quotaCovers(quota, pod, resource)) addUsage(used, quotaUsage(pod, resource, now))
        }
        for (const [name, hard] of Object.entries(quota.spec?.hard ?? {})) {
          const amount = used.get(name)
          if (!amount) continue
          checks++
          if (compareQuantities(amount, hard) > 0) {
            return `${podText(change.pod)} brings ${name} to ${formatQuantity(amount)}, where ${quota.metadata.name} allows ${hard}`
          }
        }
      }
      return undefined
    },
  }
}
