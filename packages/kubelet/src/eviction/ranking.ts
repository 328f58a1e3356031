import { isStaticPod, type Pod } from "../pods/pod.ts"
import { containerRequests, podRequests } from "../pods/resources.ts"
import { amountText, type Breach } from "./thresholds.ts"

/** What a pod uses of the resource that is short. */
export interface PodUsage {
  pod: Pod
  total: number
  containers: readonly { name: string; used: number }[]
}

/** Pods of this priority and above are never evicted. */
const systemCriticalPriority = 2_000_000_000

export function isCritical(pod: Pod): boolean {
  return isStaticPod(pod) || (pod.spec?.priority ?? 0) >= systemCriticalPriority
}

/** The resource's name in requests; inodes and process ids are not asked for. */
function requestOf(pod: Pod, resource: Breach["resource"]): number {
  if (resource === "inodes" || resource === "pids") return 0
  return podRequests(pod).get(resource) ?? 0
}

/**
 * Who is to go, first to last: who uses more than was asked for, then the lower priority, then who uses most beyond
 * its request.
 */
export function rank(usages: readonly PodUsage[], resource: Breach["resource"]): PodUsage[] {
  const keyed = usages.map((usage) => {
    const beyond = usage.total - requestOf(usage.pod, resource)
    return { usage, beyond, exceeds: beyond > 0, priority: usage.pod.spec?.priority ?? 0 }
  })
  keyed.sort((a, b) => Number(b.exceeds) - Number(a.exceeds) || a.priority - b.priority || b.beyond - a.beyond)
  return keyed.map(({ usage }) => usage)
}

/** Why this pod went, as its status says. */
export function evictionMessage(breach: Breach, usage: PodUsage): string {
  const { resource, least, observation } = breach
  const amount = (value: number): string => amountText(resource, value)
  let text = `The node was low on resource: ${resource}. Threshold quantity: ${amount(least)}, available: ${amount(observation.available)}. `
  if (resource === "inodes" || resource === "pids") return text
  for (const { name, used } of usage.containers) {
    const spec = usage.pod.spec?.containers.find((container) => container.name === name)
    const request = (spec && containerRequests(spec).get(resource)) ?? 0
    if (used <= request) continue
    text += `Container ${name} was using ${amount(used)}, request is ${request === 0 ? "0" : amount(request)}, has larger consumption of ${resource}. `
  }
  return text
}
