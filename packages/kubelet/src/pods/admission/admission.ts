import type { corev1 } from "@ladya/api"
import { quantityToMilli, quantityToNumber } from "@ladya/apimachinery"
import { isHostNetwork, isStaticPod, type Pod, podContainers } from "../pod.ts"
import { podRequests } from "../resources.ts"

export interface AdmissionInput {
  pod: Pod
  /** Undefined when the node's object is not known yet: then what depends on it is not checked. */
  node: corev1.Node | undefined
  /** The other pods of this node that run or will run. */
  others: readonly Pod[]
}

/** Why this node does not take a pod. */
export interface Rejection {
  reason: string
  message: string
}

type Check = (input: AdmissionInput) => Rejection | undefined

const checkFeatures: Check = ({ pod }) =>
  pod.spec?.hostUsers === false
    ? {
        reason: "UnsupportedUserNamespaces",
        message: "the container runtime of this node has no user namespaces: spec.hostUsers must not be false",
      }
    : undefined

const checkOs: Check = ({ pod }) =>
  pod.spec?.os && pod.spec.os.name !== "linux"
    ? { reason: "PodOSNotSupported", message: "Failed to admit pod as the OS field doesn't match node OS" }
    : undefined

function matches(
  labels: Readonly<Record<string, string>>,
  { key, operator, values }: corev1.NodeSelectorRequirement,
): boolean {
  const value = labels[key]
  switch (operator) {
    case "In":
      return value !== undefined && (values ?? []).includes(value)
    case "NotIn":
      return value === undefined || !(values ?? []).includes(value)
    case "Exists":
      return value !== undefined
    case "DoesNotExist":
      return value === undefined
    case "Gt":
      return value !== undefined && Number(value) > Number(values?.[0])
    case "Lt":
      return value !== undefined && Number(value) < Number(values?.[0])
    default:
      return false
  }
}

function termMatches(node: corev1.Node, term: corev1.NodeSelectorTerm): boolean {
  const { matchExpressions = [], matchFields = [] } = term
  if (matchExpressions.length + matchFields.length === 0) return false
  const fields = { "metadata.name": node.metadata.name ?? "" }
  return (
    matchExpressions.every((requirement) => matches(node.metadata.labels ?? {}, requirement)) &&
    matchFields.every((requirement) => matches(fields, requirement))
  )
}

const checkNodeSelector: Check = ({ pod, node }) => {
  if (!node) return undefined
  const labels = node.metadata.labels ?? {}
  const selected = Object.entries(pod.spec?.nodeSelector ?? {}).every(([key, value]) => labels[key] === value)
  const required = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution
  const fits = !required || required.nodeSelectorTerms.some((term) => termMatches(node, term))
  if (selected && fits) return undefined
  return { reason: "NodeAffinity", message: "Predicate NodeAffinity failed" }
}

interface HostPort {
  ip: string
  key: string
}

function hostPorts(pod: Pod): HostPort[] {
  return podContainers(pod)
    .filter(({ kind, sidecar }) => kind === "main" || sidecar)
    .flatMap(({ spec }) => spec.ports ?? [])
    .map((port) => ({ ...port, hostPort: port.hostPort ?? (isHostNetwork(pod) ? port.containerPort : 0) }))
    .filter(({ hostPort }) => hostPort > 0)
    .map(({ hostIP, protocol, hostPort }) => ({ ip: hostIP || "0.0.0.0", key: `${protocol ?? "TCP"}/${hostPort}` }))
}

const checkPorts: Check = ({ pod, others }) => {
  const wanted = hostPorts(pod)
  if (wanted.length === 0) return undefined
  const taken = others.flatMap(hostPorts)
  const clash = wanted.some(({ ip, key }) =>
    taken.some((other) => other.key === key && (other.ip === ip || other.ip === "0.0.0.0" || ip === "0.0.0.0")),
  )
  return clash ? { reason: "NodePorts", message: "Predicate NodePorts failed" } : undefined
}

/** A resource that the node has too little of for a pod: CPU in thousandths, the rest in units. */
export interface Shortage {
  name: string
  requested: number
  used: number
  capacity: number
}

/** What the node has too little of for the pod beside the others; undefined when it has enough, or is not known. */
export function shortage({ pod, node, others }: AdmissionInput): Shortage | undefined {
  const allocatable = node?.status?.allocatable
  if (!allocatable) return undefined
  for (const [name, requested] of podRequests(pod)) {
    if (requested === 0) continue
    const text = allocatable[name] ?? "0"
    const capacity = name === "cpu" ? quantityToMilli(text) : quantityToNumber(text)
    const used = others.reduce((sum, other) => sum + (podRequests(other).get(name) ?? 0), 0)
    if (used + requested > capacity) return { name, requested, used, capacity }
  }
  return undefined
}

const checkResources: Check = (input) => {
  const { pod, node, others } = input
  const allocatable = node?.status?.allocatable
  // A critical static pod runs whatever else does.
  if (!allocatable || isStaticPod(pod)) return undefined
  const maximum = Number(allocatable["pods"] ?? 110)
  if (others.length + 1 > maximum) {
    const message = `Node didn't have enough resource: pods, requested: 1, used: ${others.length}, capacity: ${maximum}`
    return { reason: "OutOfpods", message }
  }
  const short = shortage(input)
  if (!short) return undefined
  const { name, requested, used, capacity } = short
  const amounts = `requested: ${requested}, used: ${used}, capacity: ${capacity}`
  return { reason: `OutOf${name}`, message: `Node didn't have enough resource: ${name}, ${amounts}` }
}

/** Sysctls that change nothing outside the pod: allowed on every node, as upstream lists them. */
const safeSysctls = new Set([
  "kernel.shm_rmid_forced",
  "net.ipv4.ip_local_port_range",
  "net.ipv4.ip_local_reserved_ports",
  "net.ipv4.ip_unprivileged_port_start",
  "net.ipv4.ping_group_range",
  "net.ipv4.tcp_fin_timeout",
  "net.ipv4.tcp_keepalive_intvl",
  "net.ipv4.tcp_keepalive_probes",
  "net.ipv4.tcp_keepalive_time",
  "net.ipv4.tcp_rmem",
  "net.ipv4.tcp_syncookies",
  "net.ipv4.tcp_wmem",
])

const checkSysctls: Check = ({ pod }) => {
  const forbidden = (why: string): Rejection => ({ reason: "SysctlForbidden", message: `forbidden sysctl: ${why}` })
  for (const { name } of pod.spec?.securityContext?.sysctls ?? []) {
    const dotted = name.replaceAll("/", ".")
    if (isHostNetwork(pod) && dotted.startsWith("net.")) {
      return forbidden(`${JSON.stringify(name)} not allowed with host net enabled`)
    }
    if (pod.spec?.hostIPC && /^kernel\.(shm|msg|sem)/.test(dotted)) {
      return forbidden(`${JSON.stringify(name)} not allowed with host ipc enabled`)
    }
    if (!safeSysctls.has(dotted)) return forbidden(`${JSON.stringify(name)} not allowlisted`)
  }
  return undefined
}

const checks: readonly Check[] = [checkOs, checkFeatures, checkSysctls, checkNodeSelector, checkPorts, checkResources]

/** Whether this node can run a pod that was bound to it: the scheduler may have known less, or not been asked. */
export function planAdmission(input: AdmissionInput): Rejection | undefined {
  for (const check of checks) {
    const rejection = check(input)
    if (rejection) return rejection
  }
  return undefined
}
