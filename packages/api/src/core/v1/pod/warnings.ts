import { isQuantity, parseQuantity } from "@ladya/apimachinery"
import type * as corev1 from "../../../generated/types/corev1.ts"
import { indexed } from "../../../validation/checks.ts"

const deprecatedLabels: Readonly<Record<string, string>> = {
  "beta.kubernetes.io/arch": 'deprecated since v1.14; use "kubernetes.io/arch" instead',
  "beta.kubernetes.io/os": 'deprecated since v1.14; use "kubernetes.io/os" instead',
  "failure-domain.beta.kubernetes.io/region": 'deprecated since v1.17; use "topology.kubernetes.io/region" instead',
  "failure-domain.beta.kubernetes.io/zone": 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
  "beta.kubernetes.io/instance-type": 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead',
}

function fractionalBytes(path: string, list: Readonly<Record<string, string>> | undefined): string[] {
  const warnings: string[] = []
  for (const name of ["memory", "ephemeral-storage"]) {
    const value = list?.[name]
    if (value === undefined || !isQuantity(value) || parseQuantity(value).nanos % 1_000_000_000n === 0n) continue
    warnings.push(`${path}[${name}]: fractional byte value ${JSON.stringify(value)} is invalid, must be an integer`)
  }
  return warnings
}

function containerWarnings(path: string, container: corev1.Container): string[] {
  const warnings = [
    ...fractionalBytes(`${path}.resources.limits`, container.resources?.limits),
    ...fractionalBytes(`${path}.resources.requests`, container.resources?.requests),
  ]
  const names = new Set<string>()
  for (const [variable, at] of indexed(`${path}.env`, container.env)) {
    if (names.has(variable.name)) {
      const name = JSON.stringify(variable.name)
      warnings.push(`${at}: hides previous definition of ${name}, which may be dropped when using apply`)
    }
    names.add(variable.name)
  }
  const ports = new Map<string, string>()
  for (const [port, at, index] of indexed(`${path}.ports`, container.ports)) {
    const key = `${port.protocol ?? "TCP"}/${port.containerPort}/${port.hostPort ?? 0}/${port.hostIP ?? ""}`
    const first = ports.get(key)
    if (first) warnings.push(`${at}: duplicate port definition with ${first}`)
    else ports.set(key, `${path}.ports[${index}]`)
  }
  return warnings
}

/** What is allowed but unwise in a pod's or a template's spec. */
export function podSpecWarnings(path: string, spec: corev1.PodSpec): string[] {
  const warnings: string[] = []
  for (const key of Object.keys(spec.nodeSelector ?? {})) {
    const text = deprecatedLabels[key]
    if (text) warnings.push(`${path}.nodeSelector[${key}]: ${text}`)
  }
  if ((spec.terminationGracePeriodSeconds ?? 0) < 0) {
    warnings.push(
      `${path}.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1`,
    )
  }
  for (const [volume, at] of indexed(`${path}.volumes`, spec.volumes)) {
    if (volume.gitRepo) warnings.push(`${at}.gitRepo: deprecated in v1.11, and disabled by default in v1.33+`)
  }
  const secrets = new Set<string>()
  for (const [secret, at] of indexed(`${path}.imagePullSecrets`, spec.imagePullSecrets)) {
    const name = secret.name ?? ""
    if (name === "") warnings.push(`${at}: invalid empty name ""`)
    else if (secrets.has(name)) warnings.push(`${at}: duplicate name ${JSON.stringify(name)}`)
    secrets.add(name)
  }
  for (const [container, at] of indexed(`${path}.initContainers`, spec.initContainers)) {
    warnings.push(...containerWarnings(at, container))
  }
  for (const [container, at] of indexed(`${path}.containers`, spec.containers)) {
    warnings.push(...containerWarnings(at, container))
  }
  return warnings
}
