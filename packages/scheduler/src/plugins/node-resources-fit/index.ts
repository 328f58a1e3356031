import type { corev1 } from "@ladya/api"
import type { NodeInfo } from "../../cache/node-info.ts"
import type { PodInfo } from "../../cache/pod-info.ts"
import { amountsOf, podAmounts } from "../../cache/resources.ts"
import type { Plugin } from "../../framework/plugin.ts"
import { ok, type Refusal, unresolvable, unschedulable, type Verdict } from "../../framework/verdict.ts"

interface Shortage {
  reason: string
  /** Not even the empty node has so much. */
  hopeless: boolean
}

function shortages(pod: PodInfo, node: NodeInfo): Shortage[] {
  const { requests } = pod
  const { allocatable, requested } = node
  const found: Shortage[] = []
  const check = (name: string, asked: number, has: number, used: number): void => {
    if (asked > 0 && asked > has - used) found.push({ reason: `Insufficient ${name}`, hopeless: asked > has })
  }
  if (node.pods.size + 1 > node.allowedPods) found.push({ reason: "Too many pods", hopeless: node.allowedPods < 1 })
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

const leastUsed = (capacity: number, used: number): number =>
  capacity === 0 || used > capacity ? 0 : Math.floor(((capacity - used) * 100) / capacity)

/** Requests must fit into what is allocatable; among those that fit, the least used node is best. */
export function newNodeResourcesFit(): Plugin {
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
    filter: (_, pod, node) => (fits(pod, node) ? ok : refusalOf(shortages(pod, node))),
    score(_, { forScoring }, { allocatable, requestedForScoring: used }) {
      const cpu = leastUsed(allocatable.milliCpu, used.milliCpu + forScoring.milliCpu)
      const memory = leastUsed(allocatable.memory, used.memory + forScoring.memory)
      if (allocatable.milliCpu === 0) return memory
      return allocatable.memory === 0 ? cpu : Math.floor((cpu + memory) / 2)
    },
  }
}
