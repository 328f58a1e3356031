import type { KubeObject } from "@ladya/apimachinery"
import { type NamespaceLabels, termMatches } from "../../cache/affinity-terms.ts"
import { PodInfo } from "../../cache/pod-info.ts"
import type { EventInterest, Pod } from "../../framework/plugin.ts"
import { matchesAll } from "./filter-state.ts"

/**
 * Whether a change of another pod can unblock one that waits: one that came or changed by bringing affinity what it looks
 * for, one that went or changed by taking away what anti-affinity keeps away from.
 */
export function newPodHint(labels: NamespaceLabels): Required<EventInterest>["hint"] {
  // Many pods are asked about the same change.
  const infos = new WeakMap<KubeObject, PodInfo>()
  const infoOf = (object: KubeObject): PodInfo => {
    let info = infos.get(object)
    if (!info) {
      info = new PodInfo(object as Pod)
      infos.set(object, info)
    }
    return info
  }
  const attracts = (pod: PodInfo, other: PodInfo): boolean => matchesAll(pod.requiredAffinity, other, labels)
  const repels = (pod: PodInfo, other: PodInfo): boolean =>
    pod.requiredAntiAffinity.some((term) => termMatches(term, other, labels)) ||
    other.requiredAntiAffinity.some((term) => termMatches(term, pod, labels))
  return (pod, { actions, object, previous }) => {
    if (!object) return "queue"
    const other = infoOf(object)
    const before = previous && infoOf(previous)
    const isGone = actions.includes("Delete")
    const after = isGone ? undefined : other
    const earlier = isGone ? other : before
    const came = after !== undefined && attracts(pod, after) && !(earlier && attracts(pod, earlier))
    const left = earlier !== undefined && repels(pod, earlier) && !(after && repels(pod, after))
    // With the last of a group gone, one that belongs to it may go anywhere.
    const wasLast = earlier !== undefined && attracts(pod, earlier) && attracts(pod, pod)
    const isHelp = came || left || wasLast
    return isHelp ? "queue" : "skip"
  }
}
