import type { corev1 } from "@ladya/api"
import { parseQuantity, type Quantity, quantityToMilli, quantityToNumber } from "@ladya/apimachinery"

/** What of the node's resources pods may use, as in `Node.status.allocatable`. */
export type Allocatable = Readonly<Record<string, string>>

function containerOf(pod: corev1.Pod, name: string): corev1.Container {
  const { containers = [], initContainers = [] } = pod.spec ?? { containers: [] }
  const found = [...containers, ...initContainers].find((container) => container.name === name)
  if (!found) throw new Error(`container ${name} not found`)
  return found
}

/** How many divisors there are in the amount, rounded up. */
function divided(resource: string, amount: Quantity | string, divisor: string | undefined): string {
  const unit = divisor === undefined || quantityToMilli(divisor) === 0 ? "1" : divisor
  const measure = resource === "cpu" ? quantityToMilli : quantityToNumber
  return String(Math.ceil(measure(amount) / measure(unit)))
}

/**
 * The value of a container's resource as `resourceFieldRef` names it, in units of its divisor, rounded up. A limit that
 * is not set is the pod's, or else all that the node may give. Throws for a resource that the API does not offer.
 */
export function containerResource(
  pod: corev1.Pod,
  selector: corev1.ResourceFieldSelector,
  allocatable: Allocatable,
  /** The container that holds the environment variable, where the selector names none. */
  ownContainer?: corev1.Container,
): string {
  const container = selector.containerName ? containerOf(pod, selector.containerName) : ownContainer
  if (!container) throw new Error("container name is required for a resource field")
  const match = /^(limits|requests)\.(.+)$/.exec(selector.resource)
  const [, which, resource] = match ?? []
  const known =
    resource && (["cpu", "memory", "ephemeral-storage"].includes(resource) || resource.startsWith("hugepages-"))
  if (!known) throw new Error(`unsupported container resource : ${selector.resource}`)
  const own = container.resources
  const amount =
    which === "limits"
      ? (own?.limits?.[resource] ?? pod.spec?.resources?.limits?.[resource] ?? allocatable[resource])
      : own?.requests?.[resource]
  return divided(resource, parseQuantity(amount ?? "0"), selector.divisor)
}
