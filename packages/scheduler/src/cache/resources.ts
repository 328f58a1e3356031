import type { corev1 } from "@ladya/api"
import { isSidecar } from "@ladya/api"
import { quantityToMilli, quantityToNumber } from "@ladya/apimachinery"

/** Amounts as numbers, so that thousands of nodes can be compared quickly: bytes, thousandths of cores, counts. */
export interface Amounts {
  milliCpu: number
  memory: number
  ephemeralStorage: number
  /** All others; undefined when there are none. */
  scalars: Map<string, number> | undefined
}

/** What a container without a request is taken to use when nodes are scored, so that empty pods spread too. */
export const defaultMilliCpu = 100
export const defaultMemory = 200 * 1024 * 1024

export function noAmounts(): Amounts {
  return { milliCpu: 0, memory: 0, ephemeralStorage: 0, scalars: undefined }
}

function setAmount(into: Amounts, name: string, value: number, combine: (a: number, b: number) => number): void {
  if (name === "cpu") into.milliCpu = combine(into.milliCpu, value)
  else if (name === "memory") into.memory = combine(into.memory, value)
  else if (name === "ephemeral-storage") into.ephemeralStorage = combine(into.ephemeralStorage, value)
  else if (name !== "pods") {
    into.scalars ??= new Map()
    into.scalars.set(name, combine(into.scalars.get(name) ?? 0, value))
  }
}

const add = (a: number, b: number): number => a + b

type List = Readonly<Record<string, string>> | undefined

/** A resource list as numbers. */
export function amountsOf(list: List): Amounts {
  const amounts = noAmounts()
  for (const name in list) {
    const text = list[name] as string
    setAmount(amounts, name, name === "cpu" ? quantityToMilli(text) : quantityToNumber(text), add)
  }
  return amounts
}

/** Adds in place; `sign` -1 takes away. */
export function accumulate(into: Amounts, amounts: Amounts, sign: 1 | -1 = 1): void {
  into.milliCpu += sign * amounts.milliCpu
  into.memory += sign * amounts.memory
  into.ephemeralStorage += sign * amounts.ephemeralStorage
  for (const [name, value] of amounts.scalars ?? []) setAmount(into, name, sign * value, add)
}

function raise(into: Amounts, amounts: Amounts): void {
  into.milliCpu = Math.max(into.milliCpu, amounts.milliCpu)
  into.memory = Math.max(into.memory, amounts.memory)
  into.ephemeralStorage = Math.max(into.ephemeralStorage, amounts.ephemeralStorage)
  for (const [name, value] of amounts.scalars ?? []) setAmount(into, name, value, Math.max)
}

function copy(amounts: Amounts): Amounts {
  return { ...amounts, scalars: amounts.scalars && new Map(amounts.scalars) }
}

interface Status {
  resources?: { requests?: Record<string, string> }
  allocatedResources?: Record<string, string>
}

// While a resize is under way, the larger of what is asked for and what is held counts.
function requestsOf(container: corev1.Container, status: Status | undefined, infeasible: boolean): Amounts {
  const held = amountsOf(status?.allocatedResources ?? status?.resources?.requests)
  if (infeasible && status) return held
  const asked = amountsOf(container.resources?.requests)
  if (status?.allocatedResources) raise(asked, amountsOf(status.allocatedResources))
  if (status?.resources?.requests) raise(asked, amountsOf(status.resources.requests))
  return asked
}

type Fill = (amounts: Amounts, container: corev1.Container) => Amounts

function aggregate(pod: corev1.Pod, fill: Fill): Amounts {
  const { spec, status } = pod
  const infeasible = status?.conditions?.some(
    (condition) => condition.type === "PodResizePending" && condition.reason === "Infeasible",
  )
  const statusOf = (list: readonly corev1.ContainerStatus[] | undefined, name: string): Status | undefined =>
    list?.find((entry) => entry.name === name)
  const total = noAmounts()
  for (const container of spec?.containers ?? []) {
    const entry = status?.containerStatuses && statusOf(status.containerStatuses, container.name)
    accumulate(total, fill(requestsOf(container, entry, infeasible ?? false), container))
  }
  if (!spec?.initContainers?.length) return total
  const sidecars = noAmounts()
  const peak = noAmounts()
  for (const container of spec.initContainers) {
    const entry = statusOf(status?.initContainerStatuses, container.name)
    const own = fill(requestsOf(container, entry, infeasible ?? false), container)
    if (isSidecar(container)) {
      accumulate(sidecars, own)
      raise(peak, sidecars)
    } else {
      const during = copy(sidecars)
      accumulate(during, own)
      raise(peak, during)
    }
  }
  accumulate(total, sidecars)
  raise(total, peak)
  return total
}

function withPodLevel(total: Amounts, pod: corev1.Pod): Amounts {
  const own = pod.spec?.resources?.requests
  if (own?.["cpu"] !== undefined) total.milliCpu = quantityToMilli(own["cpu"])
  if (own?.["memory"] !== undefined) total.memory = quantityToNumber(own["memory"])
  for (const [name, value] of Object.entries(own ?? {})) {
    if (name.startsWith("hugepages-")) setAmount(total, name, quantityToNumber(value), (_, next) => next)
  }
  if (pod.spec?.overhead) accumulate(total, amountsOf(pod.spec.overhead))
  return total
}

/** What a pod takes of a node. */
export function podAmounts(pod: corev1.Pod): Amounts {
  return withPodLevel(
    aggregate(pod, (amounts) => amounts),
    pod,
  )
}

/** The same for scoring: containers without a request count with the defaults. */
export function podAmountsForScoring(pod: corev1.Pod): { milliCpu: number; memory: number } {
  const own = pod.spec?.resources?.requests
  return withPodLevel(
    aggregate(pod, (amounts, container) => {
      const requests = container.resources?.requests
      if (requests?.["cpu"] === undefined && own?.["cpu"] === undefined) amounts.milliCpu = defaultMilliCpu
      if (requests?.["memory"] === undefined && own?.["memory"] === undefined) amounts.memory = defaultMemory
      return amounts
    }),
    pod,
  )
}
