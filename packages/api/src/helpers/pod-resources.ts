import { addQuantities, compareQuantities, parseQuantity, type Quantity } from "@ladya/apimachinery"
import type * as corev1 from "../generated/types/corev1.ts"
import { isSidecar } from "./pods.ts"

/** Amounts by resource name. */
export type Resources = Map<string, Quantity>

type List = Readonly<Record<string, string>> | undefined

function add(into: Resources, list: List | Resources): void {
  const entries = list instanceof Map ? list : Object.entries(list ?? {})
  for (const [name, value] of entries) {
    const known = into.get(name)
    into.set(name, known ? addQuantities(known, value) : parseQuantity(value))
  }
}

function raise(into: Resources, list: Resources): void {
  for (const [name, value] of list) {
    const known = into.get(name)
    if (!known || compareQuantities(value, known) > 0) into.set(name, value)
  }
}

type Pick = (container: corev1.Container) => List

// Sidecars that started before an init container run beside it, and beside the regular containers afterwards.
function aggregate(spec: corev1.PodSpec, pick: Pick): Resources {
  const total: Resources = new Map()
  for (const container of spec.containers ?? []) add(total, pick(container))
  const sidecars: Resources = new Map()
  const peak: Resources = new Map()
  for (const container of spec.initContainers ?? []) {
    if (isSidecar(container)) {
      add(sidecars, pick(container))
      raise(peak, sidecars)
    } else {
      const during: Resources = new Map(sidecars)
      add(during, pick(container))
      raise(peak, during)
    }
  }
  add(total, sidecars)
  raise(total, peak)
  return total
}

/** What the containers of a pod together ask for, init containers and sidecars counted as the API says. */
export function containerRequests(spec: corev1.PodSpec): Resources {
  return aggregate(spec, (container) => container.resources?.requests)
}

function override(total: Resources, list: List): void {
  for (const [name, value] of Object.entries(list ?? {})) {
    if (name === "cpu" || name === "memory" || name.startsWith("hugepages-")) total.set(name, parseQuantity(value))
  }
}

/** What a pod asks for: its own requests where it has some, else its containers', and the overhead of its runtime. */
export function podRequests(pod: { spec?: corev1.PodSpec }): Resources {
  if (!pod.spec) return new Map()
  const total = containerRequests(pod.spec)
  override(total, pod.spec.resources?.requests)
  add(total, pod.spec.overhead)
  return total
}

/** What a pod may use at most. Overhead is added to what is limited. */
export function podLimits(pod: { spec?: corev1.PodSpec }): Resources {
  if (!pod.spec) return new Map()
  const total = aggregate(pod.spec, (container) => container.resources?.limits)
  override(total, pod.spec.resources?.limits)
  for (const [name, value] of Object.entries(pod.spec.overhead ?? {})) {
    const known = total.get(name)
    if (known) total.set(name, addQuantities(known, value))
  }
  return total
}

function positive(list: List, name: string): Quantity | undefined {
  const text = list?.[name]
  if (text === undefined) return undefined
  const value = parseQuantity(text)
  return value.nanos > 0n ? value : undefined
}

const qosResources = ["cpu", "memory"]

/** Guaranteed, Burstable or BestEffort. */
export function podQosClass(spec: corev1.PodSpec): "Guaranteed" | "Burstable" | "BestEffort" {
  const hasOwn = Object.keys({ ...spec.resources?.requests, ...spec.resources?.limits }).length > 0
  const parts: { resources?: corev1.ResourceRequirements }[] = hasOwn
    ? [spec.resources ? { resources: spec.resources } : {}]
    : [...(spec.containers ?? []), ...(spec.initContainers ?? [])]
  let any = false
  let guaranteed = true
  for (const { resources } of parts) {
    for (const name of qosResources) {
      const request = positive(resources?.requests, name)
      const limit = positive(resources?.limits, name)
      if (request || limit) any = true
      if (!limit || (request ?? limit).nanos !== limit.nanos) guaranteed = false
    }
  }
  if (!any) return "BestEffort"
  return guaranteed ? "Guaranteed" : "Burstable"
}
