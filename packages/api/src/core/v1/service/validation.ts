import { fieldError, isDns1123Label, isDns1123Subdomain, isPortNumber, validateLabels } from "@ladya/apimachinery"
import type * as corev1 from "../../../generated/types/corev1.ts"
import { parseIp } from "../../../helpers/ip.ts"
import {
  checkDnsLabel,
  checkLabelName,
  checkOneOf,
  checkPort,
  checkRequired,
  checkSupported,
  checkTexts,
  type Errors,
  indexed,
} from "../../../validation/checks.ts"
import { checkCidr, checkIp, checkNonSpecialIp } from "../../../validation/net.ts"
import { isExternallyAccessible } from "./defaults.ts"
import { isHeadless, needsHealthCheckPort } from "./strategy.ts"

type Service = corev1.Service
type Spec = corev1.ServiceSpec

const onlyLoadBalancer = "may only be used when `type` is 'LoadBalancer'"

function checkPorts(errors: Errors, spec: Spec): void {
  const ports = spec.ports ?? []
  const names = new Set<string>()
  const nodePorts = new Set<string>()
  const taken = new Set<string>()
  if (ports.length === 0 && !isHeadless(spec) && spec.type !== "ExternalName") {
    errors.push(fieldError.required("spec.ports"))
  }
  for (const [port, at] of indexed("spec.ports", ports)) {
    if (port.name) {
      checkDnsLabel(errors, `${at}.name`, port.name)
      if (names.has(port.name)) errors.push(fieldError.duplicate(`${at}.name`, port.name))
      names.add(port.name)
    } else if (ports.length > 1) errors.push(fieldError.required(`${at}.name`))
    checkTexts(errors, `${at}.port`, port.port ?? 0, isPortNumber(port.port ?? 0))
    checkOneOf(errors, `${at}.protocol`, port.protocol, ["SCTP", "TCP", "UDP"])
    checkPort(errors, `${at}.targetPort`, port.targetPort)
    if (port.appProtocol !== undefined) checkLabelName(errors, `${at}.appProtocol`, port.appProtocol)
    if (port.nodePort) {
      if (spec.type === "ClusterIP") {
        errors.push(fieldError.forbidden(`${at}.nodePort`, "may not be used when `type` is 'ClusterIP'"))
      }
      const key = `${port.protocol}/${port.nodePort}`
      if (nodePorts.has(key)) errors.push(fieldError.duplicate(`${at}.nodePort`, port.nodePort))
      nodePorts.add(key)
    }
    const key = `${port.protocol}/${port.port}`
    if (taken.has(key)) errors.push(fieldError.duplicate(at, { protocol: port.protocol, port: port.port }))
    taken.add(key)
  }
}

function checkType(errors: Errors, spec: Spec): void {
  checkOneOf(errors, "spec.type", spec.type, ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"])
  if ((spec.type === "LoadBalancer" || spec.type === "NodePort") && isHeadless(spec)) {
    const detail = `may not be set to 'None' for ${spec.type} services`
    errors.push(fieldError.invalid("spec.clusterIPs[0]", spec.clusterIPs?.[0] ?? "None", detail))
  }
  if (spec.type !== "ExternalName") return
  const detail = "may not be set for ExternalName services"
  if (spec.clusterIPs?.length) errors.push(fieldError.forbidden("spec.clusterIPs", detail))
  if (spec.ipFamilies?.length) errors.push(fieldError.forbidden("spec.ipFamilies", detail))
  if (spec.ipFamilyPolicy !== undefined) errors.push(fieldError.forbidden("spec.ipFamilyPolicy", detail))
  const name = (spec.externalName ?? "").replace(/\.$/, "")
  if (checkRequired(errors, "spec.externalName", name)) {
    checkTexts(errors, "spec.externalName", name, isDns1123Subdomain(name))
  }
}

function checkAffinity(errors: Errors, spec: Spec): void {
  checkOneOf(errors, "spec.sessionAffinity", spec.sessionAffinity, ["ClientIP", "None"])
  const path = "spec.sessionAffinityConfig"
  if (spec.sessionAffinity === "ClientIP") {
    const seconds = spec.sessionAffinityConfig?.clientIP?.timeoutSeconds
    if (seconds === undefined) errors.push(fieldError.required(path, "when session affinity type is ClientIP"))
    else if (seconds <= 0 || seconds > 86400) {
      const detail = "must be greater than 0 and less than 86400"
      errors.push(fieldError.invalid(`${path}.clientIP.timeoutSeconds`, seconds, detail))
    }
  } else if (spec.sessionAffinity === "None" && spec.sessionAffinityConfig) {
    errors.push(fieldError.forbidden(path, "must not be set when session affinity is None"))
  }
}

function checkClusterIPs(errors: Errors, spec: Spec): void {
  if (spec.type === "ExternalName") return
  const path = "spec.clusterIPs"
  const { clusterIP, clusterIPs = [], ipFamilies = [] } = spec
  if (clusterIP) {
    if (clusterIPs.length === 0) errors.push(fieldError.required(path))
    else if (clusterIPs[0] !== clusterIP) {
      errors.push(fieldError.invalid(path, clusterIPs, "first value must match `clusterIP`"))
    }
  } else if (clusterIPs.length > 0) {
    errors.push(fieldError.invalid(path, clusterIPs, "must be empty when `clusterIP` is not specified"))
  }
  const seen = new Set<string>()
  for (const [family, at] of indexed("spec.ipFamilies", ipFamilies)) {
    checkSupported(errors, at, family, ["IPv4", "IPv6"])
    if (seen.has(family)) errors.push(fieldError.duplicate(at, family))
    seen.add(family)
  }
  const policies = ["PreferDualStack", "RequireDualStack", "SingleStack"]
  checkSupported(errors, "spec.ipFamilyPolicy", spec.ipFamilyPolicy, policies)
  let bad = false
  for (const [ip, at, index] of indexed(path, clusterIPs)) {
    if (index === 0 && ip === "None") {
      if (clusterIPs.length > 1) {
        bad = true
        errors.push(fieldError.invalid(path, clusterIPs, "'None' must be the first and only value"))
      }
    } else if (!checkIp(errors, at, ip)) bad = true
  }
  if (clusterIPs.length > 2) errors.push(fieldError.invalid(path, clusterIPs, "may only hold up to 2 values"))
  if (bad || isHeadless(spec)) return
  const families = clusterIPs.map((ip) => `IPv${parseIp(ip)?.family}`)
  if (clusterIPs.length > 1 && new Set(families).size < 2) {
    errors.push(fieldError.invalid(path, clusterIPs, "may specify no more than one IP for each IP family"))
  }
  for (const [index, family] of families.entries()) {
    const wanted = ipFamilies[index]
    if (!wanted || wanted === family) continue
    const detail = `expected an ${wanted} value as indicated by \`ipFamilies[${index}]\``
    errors.push(fieldError.invalid(`${path}[${index}]`, clusterIPs[index], detail))
  }
}

function checkLoadBalancer(errors: Errors, spec: Spec, previous: Spec | undefined): void {
  const ranges = spec.loadBalancerSourceRanges ?? []
  const path = "spec.LoadBalancerSourceRanges"
  if (ranges.length > 0 && spec.type !== "LoadBalancer") errors.push(fieldError.forbidden(path, onlyLoadBalancer))
  for (const [range, at] of indexed(path, ranges)) {
    checkCidr(
      errors,
      at,
      range.trim(),
      (previous?.loadBalancerSourceRanges ?? []).map((known) => known.trim()),
    )
  }
  if (spec.allocateLoadBalancerNodePorts !== undefined && spec.type !== "LoadBalancer") {
    errors.push(fieldError.forbidden("spec.allocateLoadBalancerNodePorts", onlyLoadBalancer))
  }
  if (spec.loadBalancerClass === undefined) return
  if (spec.type === "LoadBalancer") checkLabelName(errors, "spec.loadBalancerClass", spec.loadBalancerClass)
  else errors.push(fieldError.forbidden("spec.loadBalancerClass", onlyLoadBalancer))
}

function checkTraffic(errors: Errors, spec: Spec): void {
  const path = "spec.externalTrafficPolicy"
  if (isExternallyAccessible(spec)) checkOneOf(errors, path, spec.externalTrafficPolicy, ["Cluster", "Local"])
  else if (spec.externalTrafficPolicy) {
    const detail = "may only be set for externally-accessible services"
    errors.push(fieldError.invalid(path, spec.externalTrafficPolicy, detail))
  }
  const port = spec.healthCheckNodePort
  if (needsHealthCheckPort(spec)) {
    if (!port) errors.push(fieldError.required("spec.healthCheckNodePort"))
    else checkTexts(errors, "spec.healthCheckNodePort", port, isPortNumber(port))
  } else if (port) {
    const detail = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
    errors.push(fieldError.invalid("spec.healthCheckNodePort", port, detail))
  }
  checkSupported(errors, "spec.internalTrafficPolicy", spec.internalTrafficPolicy, ["Cluster", "Local"])
  const distributions = ["PreferClose", "PreferSameNode", "PreferSameZone"]
  checkSupported(errors, "spec.trafficDistribution", spec.trafficDistribution, distributions)
}

function checkAddressChange(errors: Errors, next: Spec, previous: Spec): void {
  if (next.type === "ExternalName" || previous.type === "ExternalName") return
  if (isHeadless(next) && isHeadless(previous)) return
  const path = "spec.clusterIPs[0]"
  const before = previous.clusterIPs ?? []
  const after = next.clusterIPs ?? []
  if (before.length > 0 && after.length === 0) {
    errors.push(fieldError.invalid(path, after, "primary clusterIP can not be unset"))
  } else if (before.length > 0 && before[0] !== after[0]) {
    errors.push(fieldError.invalid(path, after, "may not change once set"))
  } else if (before.length === 2 && after.length === 2 && before[1] !== after[1]) {
    errors.push(fieldError.invalid("spec.clusterIPs[1]", after, "may not change once set"))
  }
  if (before.length > 1 && after.length === 1 && next.ipFamilyPolicy !== "SingleStack") {
    const detail = "must be set to 'SingleStack' when releasing the secondary clusterIP"
    errors.push(fieldError.invalid("spec.ipFamilyPolicy", next.ipFamilyPolicy, detail))
  }
  if (isHeadless(next) || isHeadless(previous)) return
  if (previous.ipFamilies?.length && next.ipFamilies?.length && previous.ipFamilies[0] !== next.ipFamilies[0]) {
    errors.push(fieldError.invalid("spec.ipFamilies[0]", next.ipFamilies, "may not change once set"))
  }
}

/** Every wrong field. On the server it runs after addresses and ports were allocated. */
export function validateService(service: Service, previous: Service | undefined): Errors {
  const errors: Errors = []
  const spec = service.spec ?? {}
  if (previous?.spec) {
    checkAddressChange(errors, spec, previous.spec)
    if (spec.type === "LoadBalancer" && previous.spec.type === "LoadBalancer") {
      if (spec.loadBalancerClass !== previous.spec.loadBalancerClass) {
        errors.push(fieldError.invalid("spec.loadBalancerClass", spec.loadBalancerClass, "may not change once set"))
      }
    }
    if (needsHealthCheckPort(spec) && needsHealthCheckPort(previous.spec)) {
      if (spec.healthCheckNodePort !== previous.spec.healthCheckNodePort) {
        errors.push(fieldError.forbidden("spec.healthCheckNodePort", "field is immutable"))
      }
    }
  }
  checkType(errors, spec)
  checkPorts(errors, spec)
  errors.push(...validateLabels(spec.selector, "spec.selector"))
  checkAffinity(errors, spec)
  checkClusterIPs(errors, spec)
  for (const [ip, at] of indexed("spec.externalIPs", spec.externalIPs)) checkNonSpecialIp(errors, at, ip)
  checkLoadBalancer(errors, spec, previous?.spec)
  checkTraffic(errors, spec)
  return errors
}

export function validateServiceStatus(service: Service): Errors {
  const errors: Errors = []
  for (const [ingress, at] of indexed("status.loadBalancer.ingress", service.status?.loadBalancer?.ingress)) {
    if (ingress.ip) {
      checkIp(errors, `${at}.ip`, ingress.ip)
      checkRequired(errors, `${at}.ipMode`, ingress.ipMode, "must be specified when `ip` is set")
    } else if (ingress.ipMode !== undefined) {
      errors.push(fieldError.forbidden(`${at}.ipMode`, "may not be specified when `ip` is not set"))
    }
    checkSupported(errors, `${at}.ipMode`, ingress.ipMode, ["Proxy", "VIP"])
    if (ingress.hostname) {
      checkTexts(errors, `${at}.hostname`, ingress.hostname, isDns1123Subdomain(ingress.hostname))
      if (parseIp(ingress.hostname)) {
        errors.push(fieldError.invalid(`${at}.hostname`, ingress.hostname, "must be a DNS name, not an IP address"))
      }
    }
  }
  return errors
}

/** Names may start with a digit (KEP-5311). */
export const validateServiceName = isDns1123Label
