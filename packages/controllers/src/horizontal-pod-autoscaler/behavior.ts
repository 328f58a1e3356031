import type { autoscalingv2 } from "@ladya/api"

type Rules = autoscalingv2.HPAScalingRules

export interface Recommendation {
  replicas: number
  at: number
}

/** How many pods came, or went, at one moment. */
export interface ScaleEvent {
  change: number
  at: number
}

/** What is remembered of one autoscaler. Times are in milliseconds. */
export interface History {
  recommendations: readonly Recommendation[]
  ups: readonly ScaleEvent[]
  downs: readonly ScaleEvent[]
}

export const noHistory: History = { recommendations: [], ups: [], downs: [] }

export interface Verdict {
  reason: string
  message: string
}

export interface Normalized {
  replicas: number
  /** Why another number than the metrics' is aimed at; undefined when it is theirs. */
  stabilized: Verdict | undefined
  limit: Verdict
  isLimited: boolean
}

/** How long the highest recommendation holds when nothing else is said. */
export const downscaleWindowMs = 300_000
const within: Verdict = { reason: "DesiredWithinRange", message: "the desired count is within the acceptable range" }
const tooMany: Verdict = {
  reason: "TooManyReplicas",
  message: "the desired replica count is more than the maximum replica count",
}
const tooFew: Verdict = {
  reason: "TooFewReplicas",
  message: "the desired replica count is less than the minimum replica count",
}
const tooFastUp: Verdict = {
  reason: "ScaleUpLimit",
  message: "the desired replica count is increasing faster than the maximum scale rate",
}
const tooFastDown: Verdict = {
  reason: "ScaleDownLimit",
  message: "the desired replica count is decreasing faster than the maximum scale rate",
}
const heldDown: Verdict = {
  reason: "ScaleUpStabilized",
  message: "recent recommendations were lower than current one, applying the lowest recent recommendation",
}
const heldUp: Verdict = {
  reason: "ScaleDownStabilized",
  message: "recent recommendations were higher than current one, applying the highest recent recommendation",
}

export interface NormalizeInput {
  current: number
  /** What the metrics want. */
  desired: number
  min: number
  max: number
  behavior: autoscalingv2.HorizontalPodAutoscalerBehavior | undefined
  history: History
  now: number
}

/** What of a wish is carried out now: held back by recent wishes, by how fast it may go, and by the bounds. */
export function normalize(input: NormalizeInput): Normalized {
  return input.behavior ? byBehavior(input, input.behavior) : byDefault(input)
}

function byDefault({ current, desired, min, max, history, now }: NormalizeInput): Normalized {
  let stable = desired
  for (const { replicas, at } of history.recommendations) {
    if (at > now - downscaleWindowMs && replicas > stable) stable = replicas
  }
  const upLimit = Math.max(2 * current, 4)
  const [most, why] = max > upLimit ? [upLimit, tooFastUp] : [max, tooMany]
  const [replicas, limit] = stable < min ? [min, tooFew] : stable > most ? [most, why] : [stable, within]
  return { replicas, limit, isLimited: replicas !== stable, stabilized: stable === desired ? undefined : heldUp }
}

function byBehavior(
  { current, desired, min, max, history, now }: NormalizeInput,
  { scaleUp = {}, scaleDown = {} }: autoscalingv2.HorizontalPodAutoscalerBehavior,
): Normalized {
  const upSince = now - (scaleUp.stabilizationWindowSeconds ?? 0) * 1000
  const downSince = now - (scaleDown.stabilizationWindowSeconds ?? downscaleWindowMs / 1000) * 1000
  let lowest = desired
  let highest = desired
  for (const { replicas, at } of history.recommendations) {
    if (at > upSince) lowest = Math.min(lowest, replicas)
    if (at > downSince) highest = Math.max(highest, replicas)
  }
  const stable = Math.min(Math.max(current, lowest), highest)
  const [replicas, limit] = byRate(stable)
  const stabilized = stable === desired ? undefined : desired >= current ? heldDown : heldUp
  return { replicas, limit, isLimited: replicas !== stable, stabilized }

  function byRate(wanted: number): [number, Verdict] {
    if (wanted > current) {
      const rate = Math.max(current, rateLimit("up", scaleUp, current, history, now))
      const [most, why] = max > rate ? [rate, tooFastUp] : [max, tooMany]
      return wanted > most ? [most, why] : [wanted, within]
    }
    if (wanted < current) {
      const rate = Math.min(current, rateLimit("down", scaleDown, current, history, now))
      const [least, why] = min < rate ? [rate, tooFastDown] : [min, tooFew]
      return wanted < least ? [least, why] : [wanted, within]
    }
    return [wanted, within]
  }
}

/** How far one may go now by all policies: as far as the boldest allows, or the most careful. */
function rateLimit(way: "up" | "down", rules: Rules, current: number, history: History, now: number): number {
  const { selectPolicy = "Max", policies = [] } = rules
  if (selectPolicy === "Disabled") return current
  const limits = policies.map(({ type, value, periodSeconds }) => {
    const since = now - periodSeconds * 1000
    const added = changed(history.ups, since)
    const removed = changed(history.downs, since)
    const before = current - added + removed
    const step = type === "Pods" ? value : (before * value) / 100
    return way === "up" ? Math.ceil(before + step) : Math.trunc(before - step)
  })
  if (limits.length === 0) return current
  const isFarthest = selectPolicy !== "Min"
  return (way === "up") === isFarthest ? Math.max(...limits) : Math.min(...limits)
}

function changed(events: readonly ScaleEvent[], since: number): number {
  let sum = 0
  for (const { change, at } of events) if (at > since) sum += change
  return sum
}

/** The history with a wish, and with what was done, without what nothing asks for any more. */
export function remember(
  history: History,
  news: { recommendation?: number; from?: number; to?: number },
  now: number,
): History {
  /** No window and no period is longer: an hour is the most that the API takes. */
  const oldest = now - 3_600_000
  const recent = <T extends { at: number }>(list: readonly T[]): T[] => list.filter(({ at }) => at > oldest)
  const { recommendation, from = 0, to = from } = news
  const recommendations = recent(history.recommendations)
  if (recommendation !== undefined) recommendations.push({ replicas: recommendation, at: now })
  const ups = recent(history.ups)
  const downs = recent(history.downs)
  if (to > from) ups.push({ change: to - from, at: now })
  if (to < from) downs.push({ change: from - to, at: now })
  return { recommendations, ups, downs }
}
