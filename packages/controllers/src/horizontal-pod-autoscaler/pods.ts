import { type corev1, podCondition } from "@ladya/api"
import { parseQuantity, parseTime, quantityToMilli } from "@ladya/apimachinery"

/** What one pod uses of a metric, in thousandths. */
export interface PodMetric {
  value: number
  /** Milliseconds since the epoch. */
  at: number
  windowMs: number
}

export interface PodGroups {
  /** How many pods count in full. */
  ready: number
  /** Their metrics say nothing yet. */
  unready: string[]
  /** Nothing is known of them. */
  missing: string[]
  /** They are on their way out. */
  ignored: string[]
}

/** A pod's CPU is not looked at while it starts: for so long at most. */
const cpuInitializationMs = 5 * 60_000
/** A pod that was not ready since so soon after its start was never ready. */
const initialReadinessMs = 30_000

/** Sorts pods by what their metrics are good for. Without `resource` readiness does not matter. */
export function groupPods(
  pods: readonly corev1.Pod[],
  metrics: ReadonlyMap<string, PodMetric>,
  resource: string,
  now: number,
): PodGroups {
  const groups: PodGroups = { ready: 0, unready: [], missing: [], ignored: [] }
  for (const pod of pods) {
    const { name = "", deletionTimestamp } = pod.metadata
    const metric = metrics.get(name)
    if (deletionTimestamp || pod.status?.phase === "Failed") groups.ignored.push(name)
    else if (pod.status?.phase === "Pending") groups.unready.push(name)
    else if (!metric) groups.missing.push(name)
    else if (resource === "cpu" && isStarting(pod, metric, now)) groups.unready.push(name)
    else groups.ready++
  }
  return groups
}

function isStarting(pod: corev1.Pod, metric: PodMetric, now: number): boolean {
  const condition = podCondition(pod, "Ready")
  const startedAt = parseTime(pod.status?.startTime)
  if (!condition || startedAt === undefined) return true
  const since = parseTime(condition.lastTransitionTime) ?? 0
  const isUnready = condition.status === "False"
  if (now < startedAt + cpuInitializationMs) return isUnready || metric.at < since + metric.windowMs
  return isUnready && startedAt + initialReadinessMs > since
}

/** What pods ask for, in thousandths; of one container when it is named. Throws for one that asks for nothing. */
export function requestsOf(pods: readonly corev1.Pod[], container: string, resource: string): Map<string, number> {
  const requests = new Map<string, number>()
  for (const { metadata, spec } of pods) {
    const whole = container === "" ? spec?.resources?.requests?.[resource] : undefined
    if (whole !== undefined) {
      requests.set(metadata.name ?? "", quantityToMilli(parseQuantity(whole)))
      continue
    }
    const sidecars = (spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === "Always")
    let sum = 0
    for (const one of [...(spec?.containers ?? []), ...sidecars]) {
      if (container !== "" && one.name !== container) continue
      const request = one.resources?.requests?.[resource]
      if (request === undefined) {
        throw new Error(`missing request for ${resource} in container ${one.name} of Pod ${metadata.name}`)
      }
      sum += quantityToMilli(parseQuantity(request))
    }
    requests.set(metadata.name ?? "", sum)
  }
  return requests
}
