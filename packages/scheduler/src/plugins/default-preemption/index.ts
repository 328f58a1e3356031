import { type policyv1, refs } from "@ladya/api"
import { formatTime, isStatus } from "@ladya/apimachinery"
import type { EventRecorder } from "@ladya/client"
import type { Random } from "@ladya/util"
import type { PodInfo } from "../../cache/pod-info.ts"
import { reasonCounts } from "../../fit-error.ts"
import type { Framework } from "../../framework/framework.ts"
import type { PluginHandle } from "../../framework/handle.ts"
import type { NodeRefusal, Plugin, PostFilterResult } from "../../framework/plugin.ts"
import { ok, unresolvable, unschedulable } from "../../framework/verdict.ts"
import type { Nominator } from "../../nominator.ts"
import { bestCandidate, type Candidate, selectVictims } from "./victims.ts"

export interface PreemptionDeps {
  /** The framework that the plugin itself is part of. */
  framework(): Framework
  nominator: Nominator
  budgets(): readonly policyv1.PodDisruptionBudget[]
  recorder: EventRecorder
  random: Random
}

/** At least so many candidates are tried, and this share of the nodes. */
const minCandidates = 100
const minCandidatesPercentage = 10

/** Makes room for a pod by taking less important ones away. */
export function newDefaultPreemption(handle: PluginHandle, deps: PreemptionDeps): Plugin {
  const { cache, client, clock, log, config } = handle
  const pods = client.resource(refs.pods)

  const ineligible = (pod: PodInfo, refusals: ReadonlyMap<string, NodeRefusal>): string | undefined => {
    if (pod.pod.spec?.preemptionPolicy === "Never") return "not eligible due to preemptionPolicy=Never."
    const nominated = pod.pod.status?.nominatedNodeName
    const node = nominated ? cache.get(nominated) : undefined
    if (!node || refusals.get(node.name)?.code === "unresolvable") return undefined
    const leaving = [...node.pods.values()].some(
      (other) => other.priority < pod.priority && other.pod.metadata.deletionTimestamp,
    )
    return leaving ? "not eligible due to a terminating pod on the nominated node." : undefined
  }

  async function evict(victim: PodInfo, pod: PodInfo, nodeName: string): Promise<void> {
    const { name = "", namespace = "" } = victim.pod.metadata
    const condition = {
      type: "DisruptionTarget",
      status: "True",
      reason: "PreemptionByScheduler",
      message: `${config.schedulerName}: preempting to accommodate a higher priority pod`,
      lastTransitionTime: formatTime(clock.now()),
    }
    try {
      if (!victim.pod.metadata.deletionTimestamp) {
        const status = { status: { conditions: [condition] } }
        await pods.patch(name, "strategic", status, { namespace, subresource: "status" })
        await pods.delete(name, { namespace, preconditions: { uid: victim.uid } })
        const text = `Preempted by pod ${pod.uid} on node ${nodeName}`
        deps.recorder.event(victim.pod, "Normal", "Preempted", text)
      }
    } catch (error) {
      if (!isStatus(error, "NotFound", "Conflict")) throw error
    }
  }

  function result(candidate: Candidate, pod: PodInfo): PostFilterResult {
    const nodeName = candidate.node.name
    // Less important pods for which room was being made there have lost it.
    const displaced = deps.nominator.on(nodeName).filter((other) => other.priority < pod.priority)
    return {
      verdict: ok,
      nominatedNodeName: nodeName,
      async work() {
        for (const other of displaced) deps.nominator.delete(other.uid)
        log.info("preempting", { pod: pod.key, node: nodeName, victims: candidate.victims.map(({ key }) => key) })
        await Promise.all(candidate.victims.map((victim) => evict(victim, pod, nodeName)))
      },
    }
  }

  return {
    name: "DefaultPreemption",
    postFilter(state, pod, refusals) {
      const why = ineligible(pod, refusals)
      if (why) return { verdict: unresolvable(why), message: `preemption: ${why}` }
      const total = cache.list.length
      const failures: { reasons: readonly string[] }[] = []
      const potential = []
      for (const node of cache.list) {
        if (refusals.get(node.name)?.code === "unschedulable") potential.push(node)
        else failures.push({ reasons: ["Preemption is not helpful for scheduling"] })
      }
      const search = { framework: deps.framework(), nominations: deps.nominator, budgets: deps.budgets() }
      const wanted = Math.max(minCandidates, Math.floor((potential.length * minCandidatesPercentage) / 100))
      const offset = Math.floor(deps.random() * Math.max(potential.length, 1))
      const candidates: Candidate[] = []
      for (let index = 0; index < potential.length && candidates.length < wanted; index++) {
        const node = potential[(offset + index) % potential.length]
        if (!node) continue
        const found = selectVictims(search, state, pod, node)
        if ("victims" in found) candidates.push(found)
        else failures.push(found)
      }
      const best = bestCandidate(candidates)
      if (best) return result(best, pod)
      const text = `preemption: 0/${total} nodes are available: ${reasonCounts(failures)}.`
      return { verdict: unschedulable(text), message: text }
    },
  }
}
