import { isDns1123Label, type KubeObject, type metav1, semanticEqual } from "@ladya/apimachinery"
import type * as corev1 from "../../../../generated/types/corev1.ts"
import { indexed } from "../../../../validation/checks.ts"
import { ipWarnings } from "../../../../validation/net.ts"
import { containerWarnings, fractionalBytes, portWarnings } from "./containers.ts"
import { labelWarnings, selectionWarnings } from "./selection.ts"

const oldSeccomp = "seccomp.security.alpha.kubernetes.io/pod"
const oldContainerSeccomp = "container.seccomp.security.alpha.kubernetes.io/"
const oldAppArmor = "container.apparmor.security.beta.kubernetes.io/"

const oldAnnotations: Readonly<Record<string, string>> = {
  "scheduler.alpha.kubernetes.io/critical-pod": 'non-functional in v1.16+; use the "priorityClassName" field instead',
  "security.alpha.kubernetes.io/sysctls": 'non-functional in v1.11+; use the "sysctls" field instead',
  "security.alpha.kubernetes.io/unsafe-sysctls": 'non-functional in v1.11+; use the "sysctls" field instead',
}

/** Volume plugins that are on their way out, or gone. */
const oldVolumes: readonly (readonly [keyof corev1.Volume, string])[] = [
  ["photonPersistentDisk", "deprecated in v1.11, non-functional in v1.16+"],
  ["gitRepo", "deprecated in v1.11, and disabled by default in v1.33+"],
  ["scaleIO", "deprecated in v1.16, non-functional in v1.22+"],
  ["flocker", "deprecated in v1.22, non-functional in v1.25+"],
  ["storageos", "deprecated in v1.22, non-functional in v1.25+"],
  ["quobyte", "deprecated in v1.22, non-functional in v1.25+"],
  ["glusterfs", "deprecated in v1.25, non-functional in v1.26+"],
  ["cephfs", "deprecated in v1.28, non-functional in v1.31+"],
  ["rbd", "deprecated in v1.28, non-functional in v1.31+"],
]

function annotationWarnings(path: string, { metadata, spec }: corev1.PodTemplateSpec): string[] {
  const annotations = metadata?.annotations ?? {}
  const warnings: string[] = []
  for (const [key, text] of Object.entries(oldAnnotations)) {
    if (annotations[key] !== undefined) warnings.push(`${path}[${key}]: ${text}`)
  }
  const seccomp = 'non-functional in v1.27+; use the "seccompProfile" field instead'
  if (annotations[oldSeccomp] !== undefined && !spec?.securityContext?.seccompProfile) {
    warnings.push(`${path}[${oldSeccomp}]: ${seccomp}`)
  }
  for (const { name, securityContext } of [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])]) {
    if (annotations[oldContainerSeccomp + name] !== undefined && !securityContext?.seccompProfile) {
      warnings.push(`${path}[${oldContainerSeccomp}${name}]: ${seccomp}`)
    }
    const hasProfile = spec?.securityContext?.appArmorProfile ?? securityContext?.appArmorProfile
    if (annotations[oldAppArmor + name] !== undefined && !hasProfile) {
      const text = 'deprecated since v1.30; use the "appArmorProfile" field instead'
      warnings.push(`${path}[${oldAppArmor}${name}]: ${text}`)
    }
  }
  return warnings
}

function repeated(path: string, values: readonly (string | undefined)[], field: string, what: string): string[] {
  const seen = new Set<string>()
  const warnings: string[] = []
  for (const [index, value = ""] of values.entries()) {
    if (seen.has(value)) warnings.push(`${path}[${index}].${field}: duplicate ${what} ${JSON.stringify(value)}`)
    seen.add(value)
  }
  return warnings
}

function specWarnings(path: string, spec: corev1.PodSpec): string[] {
  const warnings: string[] = [...labelWarnings(path, spec)]
  for (const [volume, at] of indexed(`${path}.volumes`, spec.volumes)) {
    for (const [source, text] of oldVolumes) if (volume[source]) warnings.push(`${at}.${source}: ${text}`)
    const requests = volume.ephemeral?.volumeClaimTemplate?.spec?.resources?.requests
    warnings.push(...fractionalBytes(`${at}.ephemeral.volumeClaimTemplate.spec.resources.requests`, requests))
  }
  const aliases = spec.hostAliases ?? []
  warnings.push(
    ...repeated(
      `${path}.hostAliases`,
      aliases.map(({ ip }) => ip),
      "ip",
      "ip",
    ),
  )
  for (const [{ ip }, at] of indexed(`${path}.hostAliases`, aliases)) warnings.push(...ipWarnings(`${at}.ip`, ip ?? ""))
  for (const [server, at] of indexed(`${path}.dnsConfig.nameservers`, spec.dnsConfig?.nameservers)) {
    warnings.push(...ipWarnings(at, server))
  }
  const secrets = spec.imagePullSecrets ?? []
  warnings.push(
    ...repeated(
      `${path}.imagePullSecrets`,
      secrets.map(({ name }) => name),
      "name",
      "name",
    ),
  )
  for (const [secret, at] of indexed(`${path}.imagePullSecrets`, secrets)) {
    if (!secret.name) warnings.push(`${at}.name: invalid empty name ""`)
  }
  warnings.push(...fractionalBytes(`${path}.overhead`, spec.overhead))
  for (const [container, at] of indexed(`${path}.initContainers`, spec.initContainers)) {
    warnings.push(...containerWarnings(at, container))
  }
  for (const [container, at] of indexed(`${path}.containers`, spec.containers)) {
    warnings.push(...containerWarnings(at, container))
  }
  warnings.push(...portWarnings(path, spec))
  if ((spec.terminationGracePeriodSeconds ?? 0) < 0) {
    const text = "must be >= 0; negative values are invalid and will be treated as 1"
    warnings.push(`${path}.terminationGracePeriodSeconds: ${text}`)
  }
  warnings.push(...selectionWarnings(path, spec))
  return warnings
}

/** What is allowed but unwise in a pod, or in the template of one at `path`. */
export function templateWarnings(path: string, template: corev1.PodTemplateSpec | undefined): string[] {
  const under = (field: string): string => (path ? `${path}.${field}` : field)
  const spec = template?.spec
  if (!spec) return []
  return [...specWarnings(under("spec"), spec), ...annotationWarnings(under("metadata.annotations"), template)]
}

/** Names of pods become host names: those that cannot are let pass, but told of. */
export function nameWarnings(metadata: metav1.ObjectMeta, uses: string): string[] {
  const messages = isDns1123Label(metadata.name ?? "")
  if (messages.length === 0) return []
  const advice = "which can result in surprising behavior; a DNS label is recommended"
  return [`metadata.name: this is used in ${uses}, ${advice}: [${messages.join(" ")}]`]
}

/**
 * The warnings of a kind that makes pods: of its name when it is new, of its template when that is new to the server.
 */
export function workloadWarnings<T extends KubeObject>(
  path: string,
  templateOf: (object: T) => corev1.PodTemplateSpec | undefined,
  options: { named: boolean } = { named: true },
): (next: T, previous: T | undefined) => string[] {
  return (next, previous) => {
    const names = options.named && !previous ? nameWarnings(next.metadata, "Pod names and hostnames") : []
    const template = templateOf(next)
    if (previous && semanticEqual(template, templateOf(previous))) return names
    return [...names, ...templateWarnings(path, template)]
  }
}
