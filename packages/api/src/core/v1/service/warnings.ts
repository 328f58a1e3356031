import type * as corev1 from "../../../generated/types/corev1.ts"
import { indexed } from "../../../validation/checks.ts"
import { cidrWarnings, ipWarnings } from "../../../validation/net.ts"
import { isHeadless } from "./strategy.ts"

const topologyHints = "service.kubernetes.io/topology-aware-hints"

/** What is allowed in a Service but has no effect, or has a better form. */
export function serviceWarnings({ metadata, spec = {} }: corev1.Service): string[] {
  const warnings: string[] = []
  if (metadata.annotations?.[topologyHints] !== undefined) {
    warnings.push(`annotation ${topologyHints} is deprecated, please use service.kubernetes.io/topology-mode instead`)
  }
  if (isHeadless(spec)) {
    if (spec.loadBalancerIP) warnings.push("spec.loadBalancerIP is ignored for headless services")
    if (spec.externalIPs?.length) warnings.push("spec.externalIPs is ignored for headless services")
    if (spec.sessionAffinity !== "None") warnings.push("spec.SessionAffinity is ignored for headless services")
  } else for (const [ip, at] of indexed("spec.clusterIPs", spec.clusterIPs)) warnings.push(...ipWarnings(at, ip))
  for (const [ip, at] of indexed("spec.externalIPs", spec.externalIPs)) warnings.push(...ipWarnings(at, ip))
  if (spec.loadBalancerIP) warnings.push(...ipWarnings("spec.loadBalancerIP", spec.loadBalancerIP))
  for (const [range, at] of indexed("spec.loadBalancerSourceRanges", spec.loadBalancerSourceRanges)) {
    warnings.push(...cidrWarnings(at, range))
  }
  const isAlias = spec.type === "ExternalName"
  if (isAlias && spec.externalIPs?.length) {
    warnings.push('spec.externalIPs is ignored when spec.type is "ExternalName"')
  }
  if (!isAlias && spec.externalName) {
    warnings.push('spec.externalName is ignored when spec.type is not "ExternalName"')
  }
  if (spec.trafficDistribution === "PreferClose") {
    warnings.push('spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"')
  }
  return warnings
}
