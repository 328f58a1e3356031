import { type corev1, toleratesTaint } from "@ladya/api"
import type { Plugin } from "../../framework/plugin.ts"
import { ok, unresolvable } from "../../framework/verdict.ts"

const refused = unresolvable("node(s) were unschedulable")
const taint: corev1.Taint = { key: "node.kubernetes.io/unschedulable", effect: "NoSchedule" }

/** Keeps pods off cordoned nodes, unless they tolerate the taint that stands for it. */
export function newNodeUnschedulable(): Plugin {
  return {
    name: "NodeUnschedulable",
    isLocal: true,
    interests: [
      {
        resource: "Node",
        actions: ["Add", "UpdateTaints"],
        hint: (_, { object }) => ((object as corev1.Node | undefined)?.spec?.unschedulable ? "skip" : "queue"),
      },
      { resource: "Pod", actions: ["UpdateTolerations"] },
    ],
    filter(_, { pod }, { node }) {
      if (!node.spec?.unschedulable) return ok
      return toleratesTaint(pod.spec?.tolerations, taint) ? ok : refused
    },
  }
}
