import {
  fieldError,
  isDns1123Label,
  isDns1123Subdomain,
  isPortName,
  isPortNumber,
  isWildcardDns1123Subdomain,
} from "@ladya/apimachinery"
import type * as networkingv1 from "../../../generated/types/networkingv1.ts"
import { parseIp } from "../../../helpers/ip.ts"
import { checkRequired, checkTexts, type Errors, indexed } from "../../../validation/checks.ts"
import { checkIp } from "../../../validation/net.ts"

/** How the class was named before there was a field for it. */
export const classAnnotation = "kubernetes.io/ingress.class"

const pathTypes = ["Exact", "ImplementationSpecific", "Prefix"]
const forbiddenParts = ["//", "/./", "/../", "%2f", "%2F"]
const forbiddenEnds = ["/..", "/."]

function checkPath(errors: Errors, at: string, path: networkingv1.HTTPIngressPath): void {
  if (!path.pathType) {
    errors.push(fieldError.required(`${at}.pathType`, "pathType must be specified"))
    return
  }
  const value = path.path ?? ""
  if (path.pathType === "Exact" || path.pathType === "Prefix") {
    if (!value.startsWith("/")) errors.push(fieldError.invalid(`${at}.path`, value, "must be an absolute path"))
    if (value === "") return
    for (const part of forbiddenParts) {
      if (value.includes(part)) errors.push(fieldError.invalid(`${at}.path`, value, `must not contain '${part}'`))
    }
    for (const end of forbiddenEnds) {
      if (value.endsWith(end)) errors.push(fieldError.invalid(`${at}.path`, value, `cannot end with '${end}'`))
    }
  } else if (path.pathType === "ImplementationSpecific") {
    if (value && !value.startsWith("/")) {
      errors.push(fieldError.invalid(`${at}.path`, value, "must be an absolute path"))
    }
  } else errors.push(fieldError.notSupported(`${at}.pathType`, path.pathType, pathTypes))
}

function checkBackend(errors: Errors, at: string, backend: networkingv1.IngressBackend | undefined): void {
  const { service, resource } = backend ?? {}
  if (service && resource) {
    errors.push(fieldError.invalid(at, "", "cannot set both resource and service backends"))
    return
  }
  if (resource) {
    checkRequired(errors, `${at}.resource.kind`, resource.kind)
    checkRequired(errors, `${at}.resource.name`, resource.name)
    return
  }
  if (!service) {
    errors.push(fieldError.required(at, "must specify exactly one of service or resource backend"))
    return
  }
  if (checkRequired(errors, `${at}.service.name`, service.name)) {
    checkTexts(errors, `${at}.service.name`, service.name, isDns1123Label(service.name))
  }
  const { name, number } = service.port ?? {}
  if (name && number) errors.push(fieldError.invalid(at, "", "cannot set both port name & port number"))
  else if (name) checkTexts(errors, `${at}.service.port.name`, name, isPortName(name))
  else if (number) checkTexts(errors, `${at}.service.port.number`, number, isPortNumber(number))
  else errors.push(fieldError.required(at, "port name or number is required"))
}

function checkHost(errors: Errors, at: string, host: string): void {
  if (parseIp(host)) errors.push(fieldError.invalid(at, host, "must be a DNS name, not an IP address"))
  const messages = host.includes("*") ? isWildcardDns1123Subdomain(host) : isDns1123Subdomain(host)
  checkTexts(errors, at, host, messages)
}

/** Every wrong field of an Ingress. */
export function validateIngress(next: networkingv1.Ingress, previous: networkingv1.Ingress | undefined): Errors {
  const errors: Errors = []
  const { spec = {} } = next
  const annotation = next.metadata.annotations?.[classAnnotation]
  const named = spec.ingressClassName
  if (!previous && annotation !== undefined && named !== undefined && annotation !== named) {
    const detail = "must match `ingressClassName` when both are specified"
    errors.push(fieldError.invalid(`annotations.${classAnnotation}`, annotation, detail))
  }
  if (!spec.rules?.length && !spec.defaultBackend) {
    errors.push(fieldError.invalid("spec", spec.rules ?? [], "either `defaultBackend` or `rules` must be specified"))
  }
  if (spec.defaultBackend) checkBackend(errors, "spec.defaultBackend", spec.defaultBackend)
  for (const [rule, at] of indexed("spec.rules", spec.rules)) {
    if (rule.host) checkHost(errors, `${at}.host`, rule.host)
    if (!rule.http) continue
    if (!rule.http.paths?.length) errors.push(fieldError.required(`${at}.http.paths`))
    for (const [path, pathAt] of indexed(`${at}.http.paths`, rule.http.paths)) {
      checkPath(errors, pathAt, path)
      checkBackend(errors, `${pathAt}.backend`, path.backend)
    }
  }
  for (const [tls, at] of indexed("spec.tls", spec.tls)) {
    for (const [host, hostAt] of indexed(`${at}.hosts`, tls.hosts)) {
      checkTexts(errors, hostAt, host, host.includes("*") ? isWildcardDns1123Subdomain(host) : isDns1123Subdomain(host))
    }
    if (tls.secretName) checkTexts(errors, `${at}.secretName`, tls.secretName, isDns1123Subdomain(tls.secretName))
  }
  if (spec.ingressClassName !== undefined) {
    checkTexts(errors, "spec.ingressClassName", spec.ingressClassName, isDns1123Subdomain(spec.ingressClassName))
  }
  return errors
}

/** What a controller may not say of where an Ingress is reached. */
export function validateIngressStatus({ status }: networkingv1.Ingress): Errors {
  const errors: Errors = []
  for (const [point, at] of indexed("status.loadBalancer.ingress", status?.loadBalancer?.ingress)) {
    if (point.ip) checkIp(errors, `${at}.ip`, point.ip)
    if (!point.hostname) continue
    checkTexts(errors, `${at}.hostname`, point.hostname, isDns1123Subdomain(point.hostname))
    if (parseIp(point.hostname)) {
      errors.push(fieldError.invalid(`${at}.hostname`, point.hostname, "must be a DNS name, not an IP address"))
    }
  }
  return errors
}
