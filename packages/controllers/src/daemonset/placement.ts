import { type appsv1, type corev1, matchesRequiredNodeAffinity, toleratesTaint } from "@ladya/api"
import { podFromTemplate } from "../shared/pod-control.ts"

type DaemonSet = appsv1.DaemonSet

export const hashLabel = "controller-revision-hash"

const taint = (name: string, effect: string): corev1.Toleration => ({
  key: `node.kubernetes.io/${name}`,
  operator: "Exists",
  effect,
})

/** A service pod stays where others are kept away from or leave. */
const tolerations: readonly corev1.Toleration[] = [
  taint("not-ready", "NoExecute"),
  taint("unreachable", "NoExecute"),
  taint("disk-pressure", "NoSchedule"),
  taint("memory-pressure", "NoSchedule"),
  taint("pid-pressure", "NoSchedule"),
  taint("unschedulable", "NoSchedule"),
]

/** The pod for one node; the scheduler binds it. */
export function daemonPod(daemonSet: DaemonSet, nodeName: string, hash: string): corev1.Pod {
  const pod = podFromTemplate(daemonSet, daemonSet.spec?.template ?? {})
  const spec = pod.spec ?? { containers: [] }
  const nodeAffinity = {
    ...spec.affinity?.nodeAffinity,
    requiredDuringSchedulingIgnoredDuringExecution: {
      nodeSelectorTerms: [{ matchFields: [{ key: "metadata.name", operator: "In", values: [nodeName] }] }],
    },
  }
  return {
    ...pod,
    metadata: { ...pod.metadata, labels: { ...pod.metadata.labels, [hashLabel]: hash } },
    spec: { ...spec, affinity: { ...spec.affinity, nodeAffinity }, tolerations: withTolerations(spec) },
  }
}

function withTolerations(spec: corev1.PodSpec): corev1.Toleration[] {
  const wanted = spec.hostNetwork ? [...tolerations, taint("network-unavailable", "NoSchedule")] : tolerations
  const own = spec.tolerations ?? []
  const isSame = (a: corev1.Toleration, b: corev1.Toleration): boolean =>
    a.key === b.key &&
    a.effect === b.effect &&
    (a.operator ?? "Equal") === b.operator &&
    a.tolerationSeconds === undefined
  return [...own, ...wanted.filter((one) => !own.some((other) => isSame(other, one)))]
}

/** Whether a DaemonSet wants a pod on a node, and whether one that runs there may stay. */
export function placementOn(daemonSet: DaemonSet, node: corev1.Node): { wanted: boolean; mayStay: boolean } {
  const spec = daemonSet.spec?.template.spec ?? { containers: [] }
  if (spec.nodeName && spec.nodeName !== node.metadata.name) return { wanted: false, mayStay: false }
  if (!matchesRequiredNodeAffinity(spec, node)) return { wanted: false, mayStay: false }
  const all = withTolerations(spec)
  const untolerated = (node.spec?.taints ?? []).filter((one) => !toleratesTaint(all, one))
  if (untolerated.some((one) => one.effect === "NoExecute")) return { wanted: false, mayStay: false }
  return { wanted: !untolerated.some((one) => one.effect === "NoSchedule"), mayStay: true }
}

/** The node a pod runs on, or is meant for. */
export function nodeNameOf(pod: corev1.Pod): string | undefined {
  if (pod.spec?.nodeName) return pod.spec.nodeName
  const terms = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms
  for (const { key, operator, values } of terms?.[0]?.matchFields ?? []) {
    if (key === "metadata.name" && operator === "In" && values?.length === 1) return values[0]
  }
  return undefined
}
