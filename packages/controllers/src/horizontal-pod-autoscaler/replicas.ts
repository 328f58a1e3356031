import type { corev1 } from "@ladya/api"
import { groupPods, type PodMetric, requestsOf } from "./pods.ts"

/** How far usage may be from the target before anything happens, as parts of one. */
export interface Tolerances {
  up: number
  down: number
}

const isWithin = ({ up, down }: Tolerances, ratio: number): boolean => ratio >= 1 - down && ratio <= 1 + up

export interface PodsInput {
  current: number
  pods: readonly corev1.Pod[]
  metrics: ReadonlyMap<string, PodMetric>
  tolerances: Tolerances
  now: number
}

export interface Proposal {
  replicas: number
  /** Percent of what was asked for. */
  utilization?: number
  /** Thousandths, of all or of each pod. */
  usage: number
}

interface Ratio {
  ratio: number
  utilization?: number
  usage: number
}

/** How many pods bring the share of what they ask for to the target, in percent. Throws when that cannot be told. */
export function planUtilization(input: PodsInput & { resource: string; container: string; target: number }): Proposal {
  const { pods, resource, container, target } = input
  const ratioOf = (metrics: ReadonlyMap<string, PodMetric>, requests: ReadonlyMap<string, number>): Ratio => {
    let used = 0
    let asked = 0
    let entries = 0
    for (const [name, { value }] of metrics) {
      const request = requests.get(name)
      if (request === undefined) continue
      used += value
      asked += request
      entries++
    }
    if (asked === 0) throw new Error("no metrics returned matched known pods")
    const utilization = Math.trunc((used * 100) / asked)
    return { ratio: utilization / target, utilization, usage: Math.trunc(used / entries) }
  }
  let requests: Map<string, number> | undefined
  return planPods(input, resource, {
    ratioOf: (metrics) => {
      requests ??= requestsOf(pods, container, resource)
      return ratioOf(metrics, requests)
    },
    // A pod that tells nothing may be using all that it may.
    whenShrinking: (name) => Math.trunc(((requests?.get(name) ?? 0) * Math.max(100, target)) / 100),
  })
}

/** How many pods bring the average to the target, both in thousandths. */
export function planAverage(input: PodsInput & { resource: string; target: number }): Proposal {
  return planPods(input, input.resource, {
    ratioOf: (metrics) => {
      let used = 0
      for (const { value } of metrics.values()) used += value
      const usage = Math.trunc(used / metrics.size)
      return { ratio: usage / input.target, usage }
    },
    whenShrinking: () => input.target,
  })
}

interface Rule {
  ratioOf(metrics: ReadonlyMap<string, PodMetric>): Ratio
  whenShrinking(name: string): number
}

/**
 * Pods of which nothing is known are taken to be what speaks against a change: busy when it would shrink, idle when it
 * would grow. So are those that are not ready, when it would grow. When that turns the decision round, nothing is done.
 */
function planPods(input: PodsInput, resource: string, rule: Rule): Proposal {
  const { current, pods, tolerances, now } = input
  if (pods.length === 0) throw new Error("no pods returned by selector while calculating replica count")
  const groups = groupPods(pods, input.metrics, resource, now)
  const metrics = new Map(input.metrics)
  for (const name of [...groups.ignored, ...groups.unready]) metrics.delete(name)
  if (metrics.size === 0) throw new Error("did not receive metrics for targeted pods (pods might be unready)")
  const first = rule.ratioOf(metrics)
  const shown = { usage: first.usage, ...(first.utilization === undefined ? {} : { utilization: first.utilization }) }
  const growsOnUnready = groups.unready.length > 0 && first.ratio > 1
  if (!growsOnUnready && groups.missing.length === 0) {
    const replicas = isWithin(tolerances, first.ratio) ? current : Math.ceil(first.ratio * groups.ready)
    return { replicas, ...shown }
  }
  const assume = (name: string, value: number): void => void metrics.set(name, { value, at: now, windowMs: 0 })
  for (const name of groups.missing) {
    if (first.ratio < 1) assume(name, rule.whenShrinking(name))
    else if (first.ratio > 1) assume(name, 0)
  }
  if (growsOnUnready) for (const name of groups.unready) assume(name, 0)
  const { ratio } = rule.ratioOf(metrics)
  const turned = (first.ratio < 1 && ratio > 1) || (first.ratio > 1 && ratio < 1)
  if (isWithin(tolerances, ratio) || turned) return { replicas: current, ...shown }
  const replicas = Math.ceil(ratio * metrics.size)
  const isAgainst = (ratio < 1 && replicas > current) || (ratio > 1 && replicas < current)
  return { replicas: isAgainst ? current : replicas, ...shown }
}

/** A metric of something else than pods, against a target for the whole. `ready` pods share it. Thousandths. */
export function planValue(input: {
  current: number
  ready: number
  usage: number
  target: number
  tolerances: Tolerances
}): Proposal {
  const { current, ready, usage, target, tolerances } = input
  const ratio = usage / target
  if (current === 0) return { replicas: Math.ceil(ratio), usage }
  return { replicas: isWithin(tolerances, ratio) ? current : Math.ceil(ratio * ready), usage }
}

/** The same against a target for each pod. The usage that comes back is that of each pod. */
export function planValuePerPod(input: {
  /** As the scale's status tells. */
  present: number
  usage: number
  target: number
  tolerances: Tolerances
}): Proposal {
  const { present, usage, target, tolerances } = input
  const isFine = present > 0 && isWithin(tolerances, usage / (target * present))
  const replicas = isFine ? present : Math.ceil(usage / target)
  return { replicas, usage: present > 0 ? Math.ceil(usage / present) : usage }
}
