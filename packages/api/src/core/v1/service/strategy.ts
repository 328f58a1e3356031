import { semanticEqual } from "@ladya/apimachinery"
import type * as corev1 from "../../../generated/types/corev1.ts"
import { parseIp } from "../../../helpers/ip.ts"
import { keepField } from "../../../strategy.ts"
import { isExternallyAccessible } from "./defaults.ts"

type Service = corev1.Service
type Spec = corev1.ServiceSpec

/** What the server has to find for a Service before it is stored. */
export interface ServiceAllocations {
  /** One address of each of these families, in order; those in `clusterIPs` are asked for by the client. */
  clusterIPFamilies: ("IPv4" | "IPv6")[]
  /** Indexes of ports that need a node port. */
  nodePorts: number[]
  healthCheckNodePort: boolean
}

export function needsClusterIP(spec: Spec): boolean {
  return spec.type !== "ExternalName"
}

export function needsNodePort(spec: Spec): boolean {
  return spec.type === "NodePort" || (spec.type === "LoadBalancer" && spec.allocateLoadBalancerNodePorts !== false)
}

export function needsHealthCheckPort(spec: Spec): boolean {
  return spec.type === "LoadBalancer" && spec.externalTrafficPolicy === "Local"
}

/** `clusterIP: None`: names without an address of their own. */
export function isHeadless(spec: Spec): boolean {
  return spec.clusterIPs?.[0] === "None" || spec.clusterIP === "None"
}

/** What is still missing in a draft. The server fills it in, writes it into the draft, and only then validates. */
export function serviceAllocations(spec: Spec): ServiceAllocations {
  const families = needsClusterIP(spec) && !isHeadless(spec) ? (spec.ipFamilies ?? []) : []
  const missing = families.slice(spec.clusterIPs?.length ?? 0)
  const ports = needsNodePort(spec) ? (spec.ports ?? []) : []
  return {
    clusterIPFamilies: missing as ("IPv4" | "IPv6")[],
    nodePorts: ports.flatMap((port, index) => (port.nodePort ? [] : [index])),
    healthCheckNodePort: needsHealthCheckPort(spec) && !spec.healthCheckNodePort,
  }
}

const familyOf = (ip: string): string | undefined => {
  const family = parseIp(ip)?.family
  return family && `IPv${family}`
}

// Ladya's clusters have IPv4 Services: a Service that leaves the family open gets that.
function defaultFamilies(spec: Spec): void {
  if (!needsClusterIP(spec)) return
  const asked = (spec.clusterIPs ?? []).map(familyOf).filter((family) => family !== undefined)
  if (!spec.ipFamilies?.length) spec.ipFamilies = asked.length > 0 ? asked : ["IPv4"]
  if (isHeadless(spec) && Object.keys(spec.selector ?? {}).length === 0) {
    if (spec.ipFamilyPolicy === undefined) {
      spec.ipFamilyPolicy = "RequireDualStack"
      if (spec.ipFamilies.length === 1) {
        spec.ipFamilies = [...spec.ipFamilies, spec.ipFamilies[0] === "IPv4" ? "IPv6" : "IPv4"]
      }
    }
    return
  }
  spec.ipFamilyPolicy ??= "SingleStack"
}

// The singular and the plural field are two views of one thing; clients may know only the singular one.
function syncClusterIPs(spec: Spec, previous: Spec | undefined): void {
  if (!previous) {
    if (spec.clusterIP && !spec.clusterIPs?.length) spec.clusterIPs = [spec.clusterIP]
    return
  }
  if (spec.clusterIP === previous.clusterIP || !semanticEqual(spec.clusterIPs, previous.clusterIPs)) return
  if (spec.clusterIP) spec.clusterIPs = [spec.clusterIP]
  else delete spec.clusterIPs
}

function keepNodePorts(spec: Spec, previous: Spec): void {
  const key = (port: corev1.ServicePort, nodePort: number): string => `${port.protocol}/${nodePort}`
  const known = new Map((previous.ports ?? []).map((port) => [port.name ?? "", port.nodePort ?? 0]))
  const used = new Set((spec.ports ?? []).filter((port) => port.nodePort).map((port) => key(port, port.nodePort ?? 0)))
  for (const port of spec.ports ?? []) {
    const old = known.get(port.name ?? "")
    if (port.nodePort || !old || used.has(key(port, old))) continue
    port.nodePort = old
    used.add(key(port, old))
  }
}

// An update that leaves out what the server once gave keeps it.
function keepAllocated(spec: Spec, previous: Spec): void {
  if (needsClusterIP(spec) && needsClusterIP(previous)) {
    if (!spec.clusterIP && previous.clusterIP) spec.clusterIP = previous.clusterIP
    if (!spec.clusterIPs?.length && spec.clusterIP === previous.clusterIP && previous.clusterIPs) {
      spec.clusterIPs = [...previous.clusterIPs]
    }
    if (!spec.ipFamilies?.length && previous.ipFamilies) spec.ipFamilies = [...previous.ipFamilies]
    if (previous.ipFamilyPolicy !== undefined) spec.ipFamilyPolicy ??= previous.ipFamilyPolicy
  }
  if (needsNodePort(spec) && needsNodePort(previous)) keepNodePorts(spec, previous)
  if (needsHealthCheckPort(spec) && needsHealthCheckPort(previous) && previous.healthCheckNodePort) {
    spec.healthCheckNodePort ||= previous.healthCheckNodePort
  }
}

// A changed type drops what only the old one had, unless the client touched it in the same update.
function dropForType(spec: Spec, previous: Spec): void {
  if (needsClusterIP(previous) && !needsClusterIP(spec)) {
    if (spec.clusterIP === previous.clusterIP && semanticEqual(spec.clusterIPs, previous.clusterIPs)) {
      delete spec.clusterIP
      delete spec.clusterIPs
    }
    if (semanticEqual(spec.ipFamilies, previous.ipFamilies)) delete spec.ipFamilies
    if (spec.ipFamilyPolicy === previous.ipFamilyPolicy) delete spec.ipFamilyPolicy
  }
  const ports = (list: Spec): string => JSON.stringify((list.ports ?? []).map((port) => port.nodePort ?? 0))
  if (needsNodePort(previous) && !needsNodePort(spec) && ports(spec) === ports(previous)) {
    for (const port of spec.ports ?? []) delete port.nodePort
  }
  if (!needsHealthCheckPort(spec) && needsHealthCheckPort(previous)) {
    if (spec.healthCheckNodePort === previous.healthCheckNodePort) delete spec.healthCheckNodePort
  }
  if (previous.type === "LoadBalancer" && spec.type !== "LoadBalancer") {
    if (spec.allocateLoadBalancerNodePorts === previous.allocateLoadBalancerNodePorts) {
      delete spec.allocateLoadBalancerNodePorts
    }
    if (spec.loadBalancerClass === previous.loadBalancerClass) delete spec.loadBalancerClass
  }
  if (isExternallyAccessible(previous) && !isExternallyAccessible(spec)) {
    if (spec.externalTrafficPolicy === previous.externalTrafficPolicy) delete spec.externalTrafficPolicy
  }
}

export function prepareForCreate(service: Service): void {
  service.status = { loadBalancer: {} }
  service.spec ??= {}
  syncClusterIPs(service.spec, undefined)
  defaultFamilies(service.spec)
}

export function prepareForUpdate(service: Service, previous: Service): void {
  keepField(service, previous, "status")
  service.spec ??= {}
  const before = previous.spec ?? {}
  dropForType(service.spec, before)
  syncClusterIPs(service.spec, before)
  keepAllocated(service.spec, before)
  defaultFamilies(service.spec)
}
