import {
  compareQuantities,
  fieldError,
  isDns1123Label,
  isDns1123Subdomain,
  isQuantity,
  type metav1,
  validateLabels,
} from "@ladya/apimachinery"
import type * as corev1 from "../../../generated/types/corev1.ts"
import { containerRequests } from "../../../helpers/pod-resources.ts"
import {
  checkDnsLabel,
  checkDnsSubdomain,
  checkLabelName,
  checkOneOf,
  checkSupported,
  checkTexts,
  type Errors,
  indexed,
} from "../../../validation/checks.ts"
import { checkIp } from "../../../validation/net.ts"
import { checkContainerResources } from "../../../validation/resources.ts"
import {
  type ContainerContext,
  checkContainers,
  checkEphemeralContainers,
  checkInitContainers,
} from "./validation-containers.ts"
import { checkSystem } from "./validation-os.ts"
import { checkAffinity, checkTolerations, checkTopologySpread } from "./validation-scheduling.ts"
import { checkPodSecurity } from "./validation-security.ts"
import { checkVolumes } from "./validation-volumes.ts"

export interface PodSpecOptions {
  /** The pod's own metadata; templates have none yet. */
  metadata?: metav1.ObjectMeta
  /** A pod, not the template of one. */
  isPod: boolean
}

function checkClaims(errors: Errors, path: string, claims: readonly corev1.PodResourceClaim[] | undefined): void {
  const names = new Set<string>()
  for (const [claim, at] of indexed(path, claims)) {
    if (!claim.name) errors.push(fieldError.required(`${at}.name`))
    else if (names.has(claim.name)) errors.push(fieldError.duplicate(`${at}.name`, claim.name))
    else checkDnsLabel(errors, `${at}.name`, claim.name)
    names.add(claim.name)
    const { resourceClaimName, resourceClaimTemplateName } = claim
    if (resourceClaimName !== undefined && resourceClaimTemplateName !== undefined) {
      const detail = "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified"
      errors.push(fieldError.invalid(at, claim, detail))
    }
    if (resourceClaimName === undefined && resourceClaimTemplateName === undefined) {
      const detail = "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`"
      errors.push(fieldError.invalid(at, claim, detail))
    }
    if (resourceClaimName !== undefined) checkDnsSubdomain(errors, `${at}.resourceClaimName`, resourceClaimName)
    if (resourceClaimTemplateName !== undefined) {
      checkDnsSubdomain(errors, `${at}.resourceClaimTemplateName`, resourceClaimTemplateName)
    }
  }
}

function checkDns(errors: Errors, path: string, spec: corev1.PodSpec): void {
  const config = spec.dnsConfig
  if (spec.dnsPolicy === "None") {
    if (!config) {
      errors.push(fieldError.required(path, "must provide `dnsConfig` when `dnsPolicy` is None"))
      return
    }
    if (!config.nameservers?.length) {
      const detail = "must provide at least one DNS nameserver when `dnsPolicy` is None"
      errors.push(fieldError.required(`${path}.nameservers`, detail))
      return
    }
  }
  if (!config) return
  const { nameservers = [], searches = [] } = config
  if (nameservers.length > 3) {
    errors.push(fieldError.invalid(`${path}.nameservers`, nameservers, "must not have more than 3 nameservers"))
  }
  for (const [server, at] of indexed(`${path}.nameservers`, nameservers)) checkIp(errors, at, server)
  if (searches.length > 32) {
    errors.push(fieldError.invalid(`${path}.searches`, searches, "must not have more than 32 search paths"))
  }
  if (searches.join(" ").length > 2048) {
    const detail = "must not have more than 2048 characters (including spaces) in the search list"
    errors.push(fieldError.invalid(`${path}.searches`, searches, detail))
  }
  for (const [search, at] of indexed(`${path}.searches`, searches)) {
    // Underscores are allowed in search paths, as in names of SRV records.
    const plain = search.replace(/\.$/, "")
    if (search !== ".") checkTexts(errors, at, plain, isDns1123Subdomain(plain.replaceAll("_", "-").replace(/^-/, "x")))
  }
  for (const [option, at] of indexed(`${path}.options`, config.options)) {
    if (!option.name) errors.push(fieldError.required(at, "must not be empty"))
  }
}

function checkHostNetworkPorts(errors: Errors, path: string, spec: corev1.PodSpec, isPod: boolean): void {
  if (!spec.hostNetwork) return
  for (const [container, at] of indexed(`${path}.containers`, spec.containers)) {
    for (const [port, portPath] of indexed(`${at}.ports`, container.ports)) {
      const hostPort = port.hostPort ?? 0
      if ((isPod || hostPort !== 0) && hostPort !== port.containerPort) {
        const detail = "must match `containerPort` when `hostNetwork` is true"
        errors.push(fieldError.invalid(`${portPath}.hostPort`, hostPort, detail))
      }
    }
  }
}

function checkNames(errors: Errors, path: string, spec: corev1.PodSpec): void {
  const subdomains = [
    ["serviceAccountName", spec.serviceAccountName],
    ["nodeName", spec.nodeName],
    ["priorityClassName", spec.priorityClassName],
    ["runtimeClassName", spec.runtimeClassName],
  ] as const
  for (const [field, value] of subdomains) if (value) checkDnsSubdomain(errors, `${path}.${field}`, value)
  if (spec.hostname) checkTexts(errors, `${path}.hostname`, spec.hostname, isDns1123Label(spec.hostname))
  if (spec.subdomain) checkTexts(errors, `${path}.subdomain`, spec.subdomain, isDns1123Label(spec.subdomain))
  if (spec.hostnameOverride !== undefined) {
    if (spec.hostNetwork) {
      const detail = "may not be specified when hostNetwork is true"
      errors.push(fieldError.invalid(`${path}.hostnameOverride`, spec.hostnameOverride, detail))
    }
    if (spec.setHostnameAsFQDN) {
      const detail = "setHostnameAsFQDN may not be true when hostnameOverride is specified"
      errors.push(fieldError.forbidden(`${path}.setHostnameAsFQDN`, detail))
    }
    if (spec.hostnameOverride.length > 64) errors.push(fieldError.tooLong(`${path}.hostnameOverride`, 64))
    checkDnsSubdomain(errors, `${path}.hostnameOverride`, spec.hostnameOverride)
  }
}

function checkGates(errors: Errors, path: string, spec: corev1.PodSpec): void {
  for (const [gate, at] of indexed(`${path}.readinessGates`, spec.readinessGates)) {
    checkLabelName(errors, `${at}.conditionType`, gate.conditionType ?? "")
  }
  const names = new Set<string>()
  for (const [gate, at] of indexed(`${path}.schedulingGates`, spec.schedulingGates)) {
    checkLabelName(errors, at, gate.name ?? "")
    if (names.has(gate.name)) errors.push(fieldError.duplicate(at, gate.name))
    names.add(gate.name)
  }
}

const podLevelNames = /^(cpu|memory|hugepages-.+)$/

function checkPodLevelResources(errors: Errors, path: string, spec: corev1.PodSpec): void {
  const resources = spec.resources
  if (!resources) return
  if (resources.claims)
    errors.push(fieldError.forbidden(`${path}.claims`, "claims cannot be set for Resources at pod-level"))
  for (const list of ["limits", "requests"] as const) {
    for (const name of Object.keys(resources[list] ?? {})) {
      if (!podLevelNames.test(name)) {
        errors.push(fieldError.notSupported(`${path}.${list}[${name}]`, name, ["cpu", "hugepages-", "memory"]))
      }
    }
  }
  const before = errors.length
  checkContainerResources(errors, path, { ...resources, claims: [] })
  if (errors.length > before) return
  for (const [name, amount] of containerRequests(spec)) {
    const own = resources.requests?.[name]
    if (own !== undefined && compareQuantities(amount, own) > 0) {
      const detail = "must be greater than or equal to aggregate container requests"
      errors.push(fieldError.invalid(`${path}.requests[${name}]`, own, detail))
    }
  }
  for (const [container, , index] of indexed(path, spec.containers)) {
    for (const [name, limit] of Object.entries(container.resources?.limits ?? {})) {
      const own = resources.limits?.[name]
      if (own === undefined || !isQuantity(limit) || compareQuantities(limit, own) <= 0) continue
      const detail = `must be less than or equal to pod limits of ${own}`
      errors.push(fieldError.invalid(`${path}.containers[${index}][${name}].limits`, limit, detail))
    }
  }
}

function checkMisc(errors: Errors, path: string, spec: corev1.PodSpec): void {
  const deadline = spec.activeDeadlineSeconds
  if (deadline !== undefined && (deadline < 1 || deadline > 2 ** 31 - 1)) {
    const detail = `must be between 1 and ${2 ** 31 - 1}, inclusive`
    errors.push(fieldError.invalid(`${path}.activeDeadlineSeconds`, deadline, detail))
  }
  checkTolerations(errors, `${path}.tolerations`, spec.tolerations)
  for (const [alias, at] of indexed(`${path}.hostAliases`, spec.hostAliases)) {
    checkIp(errors, `${at}.ip`, alias.ip ?? "")
    for (const [name, namePath] of indexed(`${at}.hostnames`, alias.hostnames))
      checkDnsSubdomain(errors, namePath, name)
  }
  checkSupported(errors, `${path}.preemptionPolicy`, spec.preemptionPolicy, ["Never", "PreemptLowerPriority"])
  if (spec.overhead) checkContainerResources(errors, `${path}.overhead`, { limits: spec.overhead })
  if (spec.os) checkOneOf(errors, `${path}.os.name`, spec.os.name, ["linux", "windows"])
}

/** Every wrong field of a pod's or a template's spec. Defaults must have been filled in. */
export function checkPodSpec(errors: Errors, path: string, spec: corev1.PodSpec, options: PodSpecOptions): void {
  if (spec.terminationGracePeriodSeconds === undefined) {
    errors.push(fieldError.required(`${path}.terminationGracePeriodSeconds`))
  }
  const volumes = checkVolumes(errors, `${path}.volumes`, spec.volumes, options.metadata)
  checkClaims(errors, `${path}.resourceClaims`, spec.resourceClaims)
  const context: ContainerContext = {
    volumes,
    claimNames: new Set((spec.resourceClaims ?? []).map((claim) => claim.name)),
    graceSeconds: spec.terminationGracePeriodSeconds,
    podRestartPolicy: spec.restartPolicy ?? "",
    hostUsers: spec.hostUsers ?? true,
  }
  checkContainers(errors, `${path}.containers`, spec.containers ?? [], context)
  checkInitContainers(errors, `${path}.initContainers`, spec, context)
  checkEphemeralContainers(errors, `${path}.ephemeralContainers`, spec, context)
  checkPodLevelResources(errors, `${path}.resources`, spec)
  checkHostNetworkPorts(errors, path, spec, options.isPod)
  checkOneOf(errors, `${path}.restartPolicy`, spec.restartPolicy, ["Always", "OnFailure", "Never"])
  const policies = ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"]
  checkOneOf(errors, `${path}.dnsPolicy`, spec.dnsPolicy, policies)
  errors.push(...validateLabels(spec.nodeSelector, `${path}.nodeSelector`))
  checkPodSecurity(errors, path, spec)
  checkAffinity(errors, `${path}.affinity`, spec.affinity)
  checkDns(errors, `${path}.dnsConfig`, spec)
  checkGates(errors, path, spec)
  checkTopologySpread(errors, `${path}.topologySpreadConstraints`, spec.topologySpreadConstraints)
  checkNames(errors, path, spec)
  checkMisc(errors, path, spec)
  checkSystem(errors, path, spec)
}
