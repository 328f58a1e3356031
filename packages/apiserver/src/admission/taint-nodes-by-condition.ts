import type { corev1 } from "@ladya/api"
import type { AdmissionPlugin } from "./admission.ts"
import { isAbout } from "./refuse.ts"

const notReady: corev1.Taint = { key: "node.kubernetes.io/not-ready", effect: "NoSchedule" }

/** A new node is not ready: nothing is put there until the node lifecycle controller finds that it is. */
export const taintNodesByCondition: AdmissionPlugin = {
  name: "TaintNodesByCondition",
  handles: (attributes) => attributes.operation === "CREATE" && isAbout(attributes, "", "nodes"),
  mutate({ object }): void {
    const node = object as corev1.Node
    node.spec ??= {}
    const { taints = [] } = node.spec
    if (taints.some(({ key, effect }) => key === notReady.key && effect === notReady.effect)) return
    node.spec.taints = [...taints, { ...notReady }]
  },
}
