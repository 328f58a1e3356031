import { isQuantity, parseQuantity } from "@ladya/apimachinery"
import type * as corev1 from "../../../../generated/types/corev1.ts"
import { indexed } from "../../../../validation/checks.ts"

/** Memory and storage in parts of a byte: mostly `m` written for `M`. */
export function fractionalBytes(path: string, list: Readonly<Record<string, string>> | undefined): string[] {
  const warnings: string[] = []
  for (const name of ["memory", "ephemeral-storage", "storage"]) {
    const value = list?.[name]
    if (value === undefined || !isQuantity(value) || parseQuantity(value).nanos % 1_000_000_000n === 0n) continue
    warnings.push(`${path}[${name}]: fractional byte value ${JSON.stringify(value)} is invalid, must be an integer`)
  }
  return warnings
}

// A variable may be built upon an earlier one of its name: `PATH=$(PATH):/opt/bin`.
function extendsEarlier({ name, value = "", valueFrom }: corev1.EnvVar): boolean {
  const reference = `$(${name})`
  return valueFrom === undefined && value !== reference && value.includes(reference)
}

/** Of one container by itself. */
export function containerWarnings(path: string, container: corev1.Container): string[] {
  const warnings = [
    ...fractionalBytes(`${path}.resources.limits`, container.resources?.limits),
    ...fractionalBytes(`${path}.resources.requests`, container.resources?.requests),
  ]
  const names = new Set<string>()
  for (const [variable, at] of indexed(`${path}.env`, container.env)) {
    if (names.has(variable.name) && !extendsEarlier(variable)) {
      const name = JSON.stringify(variable.name)
      warnings.push(`${at}: hides previous definition of ${name}, which may be dropped when using apply`)
    }
    names.add(variable.name)
  }
  return warnings
}

function overlap(port: corev1.ContainerPort, other: corev1.ContainerPort): string | undefined {
  const [hostPort = 0, otherHostPort = 0] = [port.hostPort, other.hostPort]
  const [hostIP = "", otherHostIP = ""] = [port.hostIP, other.hostIP]
  if (hostPort === otherHostPort && hostIP === otherHostIP) return "duplicate"
  if (hostPort === 0 || otherHostPort === 0) return "overlapping"
  const isAmbiguous = hostPort === otherHostPort && (hostIP === "") !== (otherHostIP === "")
  return isAmbiguous ? "dangerously ambiguous" : undefined
}

/** The containers of a pod share one address: a port of one may be in the way of another's. */
export function portWarnings(path: string, spec: corev1.PodSpec): string[] {
  const warnings: string[] = []
  const seen = new Map<string, { port: corev1.ContainerPort; at: string }[]>()
  const names = new Map<string, string>()
  for (const list of ["initContainers", "containers"] as const) {
    for (const [container, containerPath] of indexed(`${path}.${list}`, spec[list])) {
      for (const [port, at] of indexed(`${containerPath}.ports`, container.ports)) {
        if (port.name) {
          const first = names.get(port.name)
          if (first) {
            const effect = `services and probes that select ports by name will use ${first}`
            warnings.push(`${at}.name: duplicate port name ${JSON.stringify(port.name)} with ${first}, ${effect}`)
          } else names.set(port.name, `${at}.name`)
        }
        const key = `${port.containerPort}/${port.protocol ?? "TCP"}`
        const others = seen.get(key) ?? []
        for (const other of others) {
          const how = overlap(port, other.port)
          if (how) warnings.push(`${at}: ${how} port definition with ${other.at}`)
        }
        seen.set(key, [...others, { port, at }])
      }
    }
  }
  return warnings
}
