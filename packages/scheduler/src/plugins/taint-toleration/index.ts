import { type corev1, findUntoleratedTaint, toleratesTaint } from "@ladya/api"
import { type StateKey, stateKey } from "../../framework/cycle-state.ts"
import type { Plugin } from "../../framework/plugin.ts"
import { ok, unresolvable } from "../../framework/verdict.ts"
import { normalizeScores } from "../shared/normalize.ts"

const refused = unresolvable("node(s) had untolerated taint(s)")
const hard = ["NoSchedule", "NoExecute"]
const softTolerations: StateKey<readonly corev1.Toleration[]> = stateKey("TaintToleration")

/** Taints keep pods away that do not tolerate them, or make a node the worse choice. */
export function newTaintToleration(): Plugin {
  const tolerated = (pod: corev1.Pod, node: corev1.Node): boolean =>
    findUntoleratedTaint(node.spec?.taints, pod.spec?.tolerations, hard) === undefined
  return {
    name: "TaintToleration",
    isLocal: true,
    interests: [
      {
        resource: "Node",
        actions: ["Add", "UpdateTaints"],
        hint: ({ pod }, { object }) => (object && !tolerated(pod, object as corev1.Node) ? "skip" : "queue"),
      },
      { resource: "Pod", actions: ["UpdateTolerations"] },
    ],
    filter: (_, { pod }, { node }) => (!node.spec?.taints || tolerated(pod, node) ? ok : refused),
    preScore(state, { pod }) {
      const all = pod.spec?.tolerations ?? []
      state.set(
        softTolerations,
        all.filter(({ effect }) => !effect || effect === "PreferNoSchedule"),
      )
      return ok
    },
    score(state, _, { node }) {
      const tolerations = state.get(softTolerations)
      let count = 0
      for (const taint of node.spec?.taints ?? []) {
        if (taint.effect === "PreferNoSchedule" && !toleratesTaint(tolerations, taint)) count++
      }
      return count
    },
    normalize: (_, __, scores) => normalizeScores(scores, { reverse: true }),
  }
}
