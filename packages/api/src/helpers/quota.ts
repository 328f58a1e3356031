import { addQuantities, type KubeObject, parseQuantity, parseTime, type Quantity } from "@ladya/apimachinery"
import type * as corev1 from "../generated/types/corev1.ts"
import { podLimits, podQosClass, podRequests } from "./pod-resources.ts"
import { isPodTerminal } from "./pods.ts"

/** Amounts by the names that a quota's `hard` knows. */
export type QuotaUsage = Map<string, Quantity>

interface Resource {
  group: string
  resource: string
}

/** Resources whose number a quota may limit by their bare name. */
const bareCounts = new Set([
  "configmaps",
  "persistentvolumeclaims",
  "pods",
  "replicationcontrollers",
  "resourcequotas",
  "secrets",
  "services",
])

const one = parseQuantity("1")
const isCompute = (name: string): boolean => name === "cpu" || name === "memory" || name === "ephemeral-storage"

/** Which resource's objects a name in `hard` is about; undefined for a name that means nothing. */
export function quotaTarget(name: string): Resource | undefined {
  if (name.startsWith("count/")) {
    const [resource = "", ...group] = name.slice("count/".length).split(".")
    return resource ? { resource, group: group.join(".") } : undefined
  }
  if (bareCounts.has(name)) return { group: "", resource: name }
  if (name === "services.nodeports" || name === "services.loadbalancers") return { group: "", resource: "services" }
  if (name === "requests.storage" || name.includes(".storageclass.storage.k8s.io/")) {
    return { group: "", resource: "persistentvolumeclaims" }
  }
  const isOfPods = isCompute(name) || /^(requests|limits)\./.test(name) || name.startsWith("hugepages-")
  return isOfPods ? { group: "", resource: "pods" } : undefined
}

/** What one object uses of all that a quota could limit. `now` is in milliseconds since the epoch. */
export function quotaUsage(object: KubeObject, { group, resource }: Resource, now: number): QuotaUsage {
  const usage: QuotaUsage = new Map([[group ? `count/${resource}.${group}` : `count/${resource}`, one]])
  if (group !== "") return usage
  if (resource === "pods") addPod(usage, object as corev1.Pod, now)
  else {
    if (bareCounts.has(resource)) usage.set(resource, one)
    if (resource === "services") addService(usage, object as corev1.Service)
    if (resource === "persistentvolumeclaims") addClaim(usage, object as corev1.PersistentVolumeClaim)
  }
  return usage
}

/** A pod that has ended, or should be gone by now, uses nothing but its place in the store. */
function addPod(usage: QuotaUsage, pod: corev1.Pod, now: number): void {
  const { deletionTimestamp, deletionGracePeriodSeconds } = pod.metadata
  const deletedAt = parseTime(deletionTimestamp)
  if (deletedAt !== undefined && now > deletedAt + (deletionGracePeriodSeconds ?? 0) * 1000) return
  if (isPodTerminal(pod)) return
  usage.set("pods", one)
  for (const [name, amount] of podRequests(pod)) {
    usage.set(`requests.${name}`, amount)
    if (isCompute(name) || name.startsWith("hugepages-")) usage.set(name, amount)
  }
  for (const [name, amount] of podLimits(pod)) if (isCompute(name)) usage.set(`limits.${name}`, amount)
}

function addService(usage: QuotaUsage, service: corev1.Service): void {
  const { type, ports = [], allocateLoadBalancerNodePorts } = service.spec ?? {}
  if (type === "LoadBalancer") usage.set("services.loadbalancers", one)
  if (type !== "NodePort" && type !== "LoadBalancer") return
  const allocated =
    type === "NodePort" || allocateLoadBalancerNodePorts !== false
      ? ports.length
      : ports.filter((port) => (port.nodePort ?? 0) !== 0).length
  if (allocated > 0) usage.set("services.nodeports", parseQuantity(String(allocated)))
}

function addClaim(usage: QuotaUsage, claim: corev1.PersistentVolumeClaim): void {
  const { storageClassName, resources } = claim.spec ?? {}
  const legacyClass = claim.metadata.annotations?.["volume.beta.kubernetes.io/storage-class"]
  const storageClass = legacyClass ?? storageClassName
  const requested = resources?.requests?.["storage"]
  const amount = requested === undefined ? undefined : parseQuantity(requested)
  if (amount) usage.set("requests.storage", amount)
  if (!storageClass) return
  usage.set(`${storageClass}.storageclass.storage.k8s.io/persistentvolumeclaims`, one)
  if (amount) usage.set(`${storageClass}.storageclass.storage.k8s.io/requests.storage`, amount)
}

/** Adds amounts to a sum, in place. */
export function addUsage(sum: QuotaUsage, usage: QuotaUsage): void {
  for (const [name, amount] of usage) {
    const known = sum.get(name)
    sum.set(name, known ? addQuantities(known, amount) : amount)
  }
}

function scopeHolds(scope: string, operator: string, values: readonly string[], pod: corev1.Pod): boolean {
  switch (scope) {
    case "Terminating":
      return pod.spec?.activeDeadlineSeconds !== undefined
    case "NotTerminating":
      return pod.spec?.activeDeadlineSeconds === undefined
    case "BestEffort":
      return podQosClass(pod.spec ?? { containers: [] }) === "BestEffort"
    case "NotBestEffort":
      return podQosClass(pod.spec ?? { containers: [] }) !== "BestEffort"
    case "CrossNamespacePodAffinity":
      return usesOtherNamespaces(pod)
    case "PriorityClass": {
      const name = pod.spec?.priorityClassName ?? ""
      if (operator === "Exists") return name !== ""
      if (operator === "DoesNotExist") return name === ""
      return operator === "In" ? values.includes(name) : operator === "NotIn" && !values.includes(name)
    }
    default:
      return false
  }
}

function usesOtherNamespaces(pod: corev1.Pod): boolean {
  const { podAffinity, podAntiAffinity } = pod.spec?.affinity ?? {}
  const terms = [podAffinity, podAntiAffinity].flatMap((affinity) => [
    ...(affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
    ...(affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((weighted) => weighted.podAffinityTerm),
  ])
  return terms.some((term) => (term.namespaces ?? []).length > 0 || term.namespaceSelector !== undefined)
}

interface Requirement {
  operator: string
  values: readonly string[]
}

/** The classes that a claim has, had, or is on the way to. */
function attributesClassHolds({ operator, values }: Requirement, claim: corev1.PersistentVolumeClaim): boolean {
  const { spec, status } = claim
  const classes = [
    spec?.volumeAttributesClassName,
    status?.currentVolumeAttributesClassName,
    status?.modifyVolumeStatus?.targetVolumeAttributesClassName,
  ].filter((name) => name !== undefined && name !== "") as string[]
  switch (operator) {
    case "Exists":
      return classes.length > 0
    case "DoesNotExist":
      return classes.length === 0
    case "In":
      return classes.some((name) => values.includes(name))
    case "NotIn":
      return !classes.some((name) => values.includes(name))
    default:
      return false
  }
}

/**
 * Whether a quota speaks of an object: one with scopes speaks of pods alone, or of claims by their attributes class, and
 * of those alone that are in all of them.
 */
export function quotaCovers(quota: corev1.ResourceQuota, object: KubeObject, { group, resource }: Resource): boolean {
  const requirements = [
    ...(quota.spec?.scopes ?? []).map((scopeName) => ({ scopeName, operator: "Exists", values: [] as string[] })),
    ...(quota.spec?.scopeSelector?.matchExpressions ?? []),
  ]
  if (requirements.length === 0) return true
  if (group !== "") return false
  if (resource === "persistentvolumeclaims") {
    const claim = object as corev1.PersistentVolumeClaim
    return requirements.every(
      ({ scopeName, operator, values = [] }) =>
        scopeName === "VolumeAttributesClass" && attributesClassHolds({ operator, values }, claim),
    )
  }
  if (resource !== "pods") return false
  const pod = object as corev1.Pod
  return requirements.every(({ scopeName, operator, values = [] }) => scopeHolds(scopeName, operator, values, pod))
}
