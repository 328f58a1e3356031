import type { corev1 } from "@ladya/api"
import type { AdmissionAttributes, AdmissionPlugin } from "./admission.ts"
import { isAbout } from "./refuse.ts"

const taints = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"]
const seconds = 300

/** A pod that says nothing of nodes that fail stays five minutes on one. */
export const defaultTolerationSeconds: AdmissionPlugin = {
  name: "DefaultTolerationSeconds",
  handles: (attributes) =>
    (attributes.operation === "CREATE" || attributes.operation === "UPDATE") && isAbout(attributes, "", "pods"),
  mutate(attributes: AdmissionAttributes): void {
    const { spec } = attributes.object as corev1.Pod
    if (!spec) return
    const { tolerations = [] } = spec
    const tolerates = (key: string): boolean =>
      tolerations.some((one) => (!one.key || one.key === key) && (!one.effect || one.effect === "NoExecute"))
    const added = taints
      .filter((key) => !tolerates(key))
      .map((key): corev1.Toleration => ({ key, operator: "Exists", effect: "NoExecute", tolerationSeconds: seconds }))
    if (added.length > 0) spec.tolerations = [...tolerations, ...added]
  },
}
