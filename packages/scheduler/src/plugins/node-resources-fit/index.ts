import type { corev1 } from "@ladya/api"
import type { NodeInfo } from "../../cache/node-info.ts"
import type { PodInfo } from "../../cache/pod-info.ts"
import { amountsOf, podAmounts } from "../../cache/resources.ts"
import type { PluginHandle } from "../../framework/handle.ts"
import type { Plugin } from "../../framework/plugin.ts"
import { ok, type Refusal, unresolvable, unschedulable, type Verdict } from "../../framework/verdict.ts"
import { scoringStrategy } from "./strategies.ts"

interface Shortage {
  resource: string
  reason: string
  /** Not even the empty node has so much. */
  hopeless: boolean
}

function shortages(pod: PodInfo, node: NodeInfo): Shortage[] {
  const { requests } = pod
  const { allocatable, requested } = node
  const found: Shortage[] = []
  const check = (name: string, asked: number, has: number, used: number): void => {
    if (asked > 0 && asked > has - used)
      found.push({ resource: name, reason: `Insufficient ${name}`, hopeless: asked > has })
  }
  if (node.pods.size + 1 > node.allowedPods)
    found.push({ resource: "pods", reason: "Too many pods", hopeless: node.allowedPods < 1 })
  check("cpu", requests.milliCpu, allocatable.milliCpu, requested.milliCpu)
  check("memory", requests.memory, allocatable.memory, requested.memory)
  check("ephemeral-storage", requests.ephemeralStorage, allocatable.ephemeralStorage, requested.ephemeralStorage)
  for (const [name, asked] of requests.scalars ?? []) {
    check(name, asked, allocatable.scalars?.get(name) ?? 0, requested.scalars?.get(name) ?? 0)
  }
  return found
}

function fits(pod: PodInfo, node: NodeInfo): boolean {
  const { requests } = pod
  const { allocatable, requested } = node
  return (
    node.pods.size < node.allowedPods &&
    (requests.milliCpu === 0 || requests.milliCpu <= allocatable.milliCpu - requested.milliCpu) &&
    (requests.memory === 0 || requests.memory <= allocatable.memory - requested.memory) &&
    (requests.ephemeralStorage === 0 ||
      requests.ephemeralStorage <= allocatable.ephemeralStorage - requested.ephemeralStorage) &&
    (requests.scalars === undefined || shortages(pod, node).length === 0)
  )
}

// Thousands of nodes refuse for the same few reasons: the values are shared.
const known = new Map<string, Refusal>()

function refusalOf(list: readonly Shortage[]): Verdict {
  const reasons = list.map(({ reason }) => reason)
  const hopeless = list.some((shortage) => shortage.hopeless)
  const key = `${hopeless} ${reasons.join()}`
  let refusal = known.get(key)
  if (!refusal) {
    refusal = hopeless ? unresolvable(...reasons) : unschedulable(...reasons)
    known.set(key, refusal)
  }
  return refusal
}

/** Whether a node that changed, or that lost a pod, could now have room for what a pod asks. */
function couldFit(pod: PodInfo, node: corev1.Node): boolean {
  const has = amountsOf(node.status?.allocatable)
  const { requests } = pod
  return (
    requests.milliCpu <= has.milliCpu &&
    requests.memory <= has.memory &&
    requests.ephemeralStorage <= has.ephemeralStorage &&
    [...(requests.scalars ?? [])].every(([name, asked]) => asked <= (has.scalars?.get(name) ?? 0))
  )
}

/** Requests must fit into what is allocatable; among those that fit, the least used node is best. */
export function newNodeResourcesFit({ args }: PluginHandle): Plugin {
  const { score, weights } = scoringStrategy(args("NodeResourcesFit"))
  const [cpuWeight, memoryWeight] = [weights.get("cpu") ?? 0, weights.get("memory") ?? 0]
  const ignored = new Set((args("NodeResourcesFit")["ignoredResources"] as readonly string[] | undefined) ?? [])
  const others = [...weights].filter(([name]) => name !== "cpu" && name !== "memory")
  return {
    name: "NodeResourcesFit",
    isLocal: true,
    interests: [
      { resource: "AssignedPod", actions: ["Delete", "UpdateScaleDown"] },
      {
        resource: "Node",
        actions: ["Add", "UpdateAllocatable"],
        hint: (pod, { object }) => (object && !couldFit(pod, object as corev1.Node) ? "skip" : "queue"),
      },
      {
        resource: "Pod",
        actions: ["UpdateScaleDown"],
        hint: (_, { object, previous }) => {
          if (!object || !previous) return "queue"
          const [now, before] = [podAmounts(object as corev1.Pod), podAmounts(previous as corev1.Pod)]
          return now.milliCpu < before.milliCpu || now.memory < before.memory ? "queue" : "skip"
        },
      },
    ],
    filter(_, pod, node) {
      if (fits(pod, node)) return ok
      const found = shortages(pod, node).filter(({ resource }) => !ignored.has(resource))
      return found.length === 0 ? ok : refusalOf(found)
    },
    score(_, { forScoring, requests }, { allocatable, requested, requestedForScoring: used }) {
      let sum = 0
      let weight = 0
      if (cpuWeight > 0 && allocatable.milliCpu > 0) {
        sum += cpuWeight * score(used.milliCpu + forScoring.milliCpu, allocatable.milliCpu)
        weight += cpuWeight
      }
      if (memoryWeight > 0 && allocatable.memory > 0) {
        sum += memoryWeight * score(used.memory + forScoring.memory, allocatable.memory)
        weight += memoryWeight
      }
      for (const [name, share] of others) {
        const has = allocatable.scalars?.get(name) ?? 0
        const asked = requests.scalars?.get(name) ?? 0
        // What the pod does not ask for says nothing about where it is best.
        if (has === 0 || asked === 0) continue
        sum += share * score((requested.scalars?.get(name) ?? 0) + asked, has)
        weight += share
      }
      return weight === 0 ? 0 : Math.floor(sum / weight)
    },
  }
}
