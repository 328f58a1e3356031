import type { appsv1, corev1 } from "@ladya/api"
import { podFromTemplate } from "../shared/pod-control.ts"

type StatefulSet = appsv1.StatefulSet
type Pod = corev1.Pod
type Claim = corev1.PersistentVolumeClaim

export const podNameLabel = "statefulset.kubernetes.io/pod-name"
const podIndexLabel = "apps.kubernetes.io/pod-index"
export const revisionLabel = "controller-revision-hash"

export function podName(set: StatefulSet, ordinal: number): string {
  return `${set.metadata.name}-${ordinal}`
}

/** The number of a member by its name; undefined when it is none of this set's. */
export function ordinalOf(set: StatefulSet, pod: Pod): number | undefined {
  const prefix = `${set.metadata.name}-`
  const name = pod.metadata.name ?? ""
  const rest = name.slice(prefix.length)
  return name.startsWith(prefix) && /^(0|[1-9]\d*)$/.test(rest) ? Number(rest) : undefined
}

export function revisionOf(pod: Pod): string {
  return pod.metadata.labels?.[revisionLabel] ?? ""
}

function claimName(set: StatefulSet, template: Claim, ordinal: number): string {
  return `${template.metadata.name}-${podName(set, ordinal)}`
}

/** The claims that a member's volumes need, as they are to be created. */
export function claimsOf(set: StatefulSet, ordinal: number): Claim[] {
  return (set.spec?.volumeClaimTemplates ?? []).map((template) => ({
    ...template,
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: {
      ...template.metadata,
      name: claimName(set, template, ordinal),
      namespace: set.metadata.namespace ?? "",
      labels: { ...template.metadata.labels, ...set.spec?.selector.matchLabels },
    },
  }))
}

function volumesOf(set: StatefulSet, ordinal: number, volumes: readonly corev1.Volume[]): corev1.Volume[] {
  const templates = set.spec?.volumeClaimTemplates ?? []
  const own = templates.map((template) => ({
    name: template.metadata.name ?? "",
    persistentVolumeClaim: { claimName: claimName(set, template, ordinal) },
  }))
  return [...own, ...volumes.filter((volume) => !own.some((one) => one.name === volume.name))]
}

/** A member, out of the template of one revision. */
export function memberPod(set: StatefulSet, template: corev1.PodTemplateSpec, revision: string, ordinal: number): Pod {
  const name = podName(set, ordinal)
  const pod = podFromTemplate(set, template, name)
  const spec = pod.spec ?? { containers: [] }
  const volumes = volumesOf(set, ordinal, spec.volumes ?? [])
  const { serviceName } = set.spec ?? {}
  return {
    ...pod,
    metadata: {
      ...pod.metadata,
      labels: {
        ...pod.metadata.labels,
        [podNameLabel]: name,
        [podIndexLabel]: String(ordinal),
        [revisionLabel]: revision,
      },
    },
    spec: {
      ...spec,
      hostname: name,
      ...(serviceName ? { subdomain: serviceName } : {}),
      ...(volumes.length > 0 ? { volumes } : {}),
    },
  }
}

/** The pod with its labels set right, when they are not; its volumes cannot be changed. */
export function withIdentity(set: StatefulSet, pod: Pod, ordinal: number): Pod | undefined {
  const name = podName(set, ordinal)
  const { labels = {} } = pod.metadata
  if (labels[podNameLabel] === name && labels[podIndexLabel] === String(ordinal)) return undefined
  const right = { ...labels, [podNameLabel]: name, [podIndexLabel]: String(ordinal) }
  return { ...pod, metadata: { ...pod.metadata, labels: right } }
}
