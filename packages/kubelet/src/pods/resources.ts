import type { corev1 } from "@ladya/api"
import { quantityToMilli, quantityToNumber } from "@ladya/apimachinery"
import { isSidecar, type Pod } from "./pod.ts"

export type QosClass = "Guaranteed" | "Burstable" | "BestEffort"

type ResourceList = Readonly<Record<string, string>>

const computed = ["cpu", "memory"] as const

const isPositive = (text: string | undefined): boolean => text !== undefined && quantityToMilli(text) > 0

/** The quality of service of a pod, by the requests and limits of its containers (or its own, where it has them). */
export function qosClass(pod: Pod): QosClass {
  const own = pod.spec?.resources
  const all = own ? [{ resources: own }] : [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])]
  let any = false
  let guaranteed = true
  for (const { resources } of all) {
    for (const name of computed) {
      const limit = resources?.limits?.[name]
      // A limit without a request stands for both.
      const request = resources?.requests?.[name] ?? limit
      if (isPositive(request) || isPositive(limit)) any = true
      if (!isPositive(limit) || quantityToMilli(request as string) !== quantityToMilli(limit as string))
        guaranteed = false
    }
  }
  if (!any) return "BestEffort"
  return guaranteed ? "Guaranteed" : "Burstable"
}

/** Amounts by resource name: CPU and extended resources in thousandths, the rest in units. */
export type Amounts = Map<string, number>

function amountsOf(list: ResourceList | undefined): Amounts {
  const result: Amounts = new Map()
  for (const [name, text] of Object.entries(list ?? {})) {
    result.set(name, name === "cpu" ? quantityToMilli(text) : quantityToNumber(text))
  }
  return result
}

function add(target: Amounts, more: Amounts): void {
  for (const [name, amount] of more) target.set(name, (target.get(name) ?? 0) + amount)
}

function raise(target: Amounts, other: Amounts): void {
  for (const [name, amount] of other) target.set(name, Math.max(target.get(name) ?? 0, amount))
}

/** What a container asks for: its requests, and its limits where it has no request. */
export function containerRequests(container: corev1.Container): Amounts {
  return amountsOf({ ...container.resources?.limits, ...container.resources?.requests })
}

/**
 * What the node must set aside for a pod: the sum of its main containers and sidecars, or more while an init container
 * runs beside the sidecars that stand before it; a request of the pod as a whole wins; and its overhead.
 */
export function podRequests(pod: Pod): Amounts {
  const total: Amounts = new Map()
  for (const container of pod.spec?.containers ?? []) add(total, containerRequests(container))
  const sidecars: Amounts = new Map()
  const initPeak: Amounts = new Map()
  for (const container of pod.spec?.initContainers ?? []) {
    const amounts = new Map(containerRequests(container))
    if (isSidecar(container)) {
      add(sidecars, amounts)
      add(total, amounts)
      raise(initPeak, sidecars)
    } else {
      add(amounts, sidecars)
      raise(initPeak, amounts)
    }
  }
  raise(total, initPeak)
  for (const [name, amount] of amountsOf(pod.spec?.resources?.requests)) total.set(name, amount)
  add(total, amountsOf(pod.spec?.overhead))
  return total
}

/** The pod's limit of a resource, when every container that counts has one. */
export function podLimit(pod: Pod, name: "cpu" | "memory"): number | undefined {
  const own = amountsOf(pod.spec?.resources?.limits).get(name)
  const overhead = amountsOf(pod.spec?.overhead).get(name) ?? 0
  if (own !== undefined) return own + overhead
  let sum = 0
  for (const container of pod.spec?.containers ?? []) {
    const limit = amountsOf(container.resources?.limits).get(name)
    if (!limit) return undefined
    sum += limit
  }
  let sidecars = 0
  let peak = 0
  for (const container of pod.spec?.initContainers ?? []) {
    const limit = amountsOf(container.resources?.limits).get(name)
    if (!limit) return undefined
    if (isSidecar(container)) sidecars += limit
    peak = Math.max(peak, isSidecar(container) ? sidecars : sidecars + limit)
  }
  return Math.max(sum + sidecars, peak) + overhead
}
