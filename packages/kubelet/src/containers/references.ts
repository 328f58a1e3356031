import type { corev1 } from "@ladya/api"
import { parseQuantity } from "@ladya/apimachinery"
import type { Pod } from "../pods/pod.ts"

/** What a pod's fields are read from beside the pod itself. */
export interface PodFacts {
  podIps: readonly string[]
  hostIps: readonly string[]
}

const subscript = /^metadata\.(labels|annotations)\['([^']*)'\]$/

/** The value of a `fieldRef` of an environment variable; undefined when the path is not known. */
export function podField(pod: Pod, path: string, facts: PodFacts): string | undefined {
  const match = subscript.exec(path)
  if (match) {
    const map = match[1] === "labels" ? pod.metadata.labels : pod.metadata.annotations
    return map?.[match[2] as string] ?? ""
  }
  switch (path) {
    case "metadata.name":
      return pod.metadata.name ?? ""
    case "metadata.namespace":
      return pod.metadata.namespace ?? ""
    case "metadata.uid":
      return pod.metadata.uid ?? ""
    case "spec.nodeName":
      return pod.spec?.nodeName ?? ""
    case "spec.serviceAccountName":
      return pod.spec?.serviceAccountName ?? ""
    case "status.hostIP":
      return facts.hostIps[0] ?? ""
    case "status.hostIPs":
      return facts.hostIps.join(",")
    case "status.podIP":
      return facts.podIps[0] ?? ""
    case "status.podIPs":
      return facts.podIps.join(",")
    default:
      return undefined
  }
}

/**
 * The value of a `resourceFieldRef` in units of its divisor, rounded up. A limit that is not set is the node's
 * allocatable amount; a request that is not set is 0. Undefined when the resource is not known.
 */
export function containerResource(
  container: corev1.Container,
  selector: { resource: string; divisor?: string },
  allocatable: Readonly<Record<string, string>>,
): string | undefined {
  const match = /^(limits|requests)\.(.+)$/.exec(selector.resource)
  if (!match) return undefined
  const name = match[2] as string
  const known = name === "cpu" || name === "memory" || name === "ephemeral-storage" || name.startsWith("hugepages-")
  if (!known) return undefined
  const { limits = {}, requests = {} } = container.resources ?? {}
  const text = match[1] === "limits" ? (limits[name] ?? allocatable[name]) : requests[name]
  const divisor = parseQuantity(selector.divisor && selector.divisor !== "0" ? selector.divisor : "1").nanos
  const amount = parseQuantity(text ?? "0").nanos
  return String((amount + divisor - 1n) / divisor)
}
