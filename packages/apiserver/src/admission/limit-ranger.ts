import { type corev1, podLimits, podRequests } from "@ladya/api"
import { compareQuantities, formatQuantity, parseQuantity, type Quantity } from "@ladya/apimachinery"
import type { AdmissionAttributes, AdmissionPlugin } from "./admission.ts"
import { isAbout, refusal } from "./refuse.ts"

type Amounts = ReadonlyMap<string, Quantity>
type Item = corev1.LimitRangeItem
const annotation = "kubernetes.io/limit-ranger"

/** Fills in what containers do not ask for, and refuses what is outside the namespace's limits. */
export class LimitRanger implements AdmissionPlugin {
  readonly name = "LimitRanger"
  readonly #rangesIn: (namespace: string) => readonly corev1.LimitRange[]

  constructor(deps: { limitRangesIn: (namespace: string) => readonly corev1.LimitRange[] }) {
    this.#rangesIn = deps.limitRangesIn
  }

  handles(attributes: AdmissionAttributes): boolean {
    const { operation } = attributes
    if (operation !== "CREATE" && operation !== "UPDATE") return false
    const concerns =
      isAbout(attributes, "", "persistentvolumeclaims") ||
      isAbout(attributes, "", "pods", operation === "CREATE" ? "" : "resize")
    return concerns && this.#rangesIn(attributes.namespace).length > 0
  }

  mutate(attributes: AdmissionAttributes): void {
    if (attributes.kind.resource !== "pods" || attributes.operation !== "CREATE") return
    for (const range of this.#rangesIn(attributes.namespace)) setDefaults(attributes.object as corev1.Pod, range)
  }

  validate(attributes: AdmissionAttributes): void {
    const { kind, namespace, object } = attributes
    for (const range of this.#rangesIn(namespace)) {
      const items = range.spec?.limits ?? []
      const found =
        kind.resource === "pods"
          ? podViolations(object as corev1.Pod, items)
          : claimViolations(object as corev1.PersistentVolumeClaim, items)
      const errors = [...new Set(found)]
      if (errors.length > 0) throw refusal(attributes, errors.length === 1 ? `${errors[0]}` : `[${errors.join(", ")}]`)
    }
  }
}

function setDefaults(pod: corev1.Pod, range: corev1.LimitRange): void {
  const items = (range.spec?.limits ?? []).filter((item) => item.type === "Container")
  const requests = Object.assign({}, ...items.map((item) => item.defaultRequest)) as Record<string, string>
  const limits = Object.assign({}, ...items.map((item) => item.default)) as Record<string, string>
  const notes: string[] = []
  const { containers = [], initContainers = [] } = pod.spec ?? {}
  const groups = [
    { list: containers, word: "container" },
    { list: initContainers, word: "init container" },
  ]
  for (const { list, word } of groups) {
    for (const container of list) {
      const resources = { ...container.resources }
      const asked = missing(resources.requests, requests)
      const limited = missing(resources.limits, limits)
      if (asked.length > 0) resources.requests = { ...requests, ...resources.requests }
      if (limited.length > 0) resources.limits = { ...limits, ...resources.limits }
      if (asked.length + limited.length > 0) container.resources = resources
      if (asked.length > 0) notes.push(`${asked.join(", ")} request for ${word} ${container.name}`)
      if (limited.length > 0) notes.push(`${limited.join(", ")} limit for ${word} ${container.name}`)
    }
  }
  if (notes.length === 0) return
  pod.metadata.annotations = {
    ...pod.metadata.annotations,
    [annotation]: `LimitRanger plugin set: ${notes.join("; ")}`,
  }
}

function missing(own: Readonly<Record<string, string>> | undefined, given: Readonly<Record<string, string>>): string[] {
  return Object.keys(given)
    .filter((name) => own?.[name] === undefined)
    .sort()
}

function amounts(list: Readonly<Record<string, string>> | undefined): Amounts {
  return new Map(Object.entries(list ?? {}).map(([name, value]) => [name, parseQuantity(value)]))
}

function podViolations(pod: corev1.Pod, items: readonly Item[]): string[] {
  const errors: string[] = []
  const containers = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])]
  for (const item of items) {
    if (item.type === "Container") {
      for (const { resources } of containers) {
        errors.push(...violations(item, amounts(resources?.requests), amounts(resources?.limits)))
      }
    } else if (item.type === "Pod") errors.push(...violations(item, podRequests(pod), podLimits(pod)))
  }
  return errors
}

function claimViolations(claim: corev1.PersistentVolumeClaim, items: readonly Item[]): string[] {
  const asked = amounts(claim.spec?.resources?.requests)
  return items
    .filter((item) => item.type === "PersistentVolumeClaim")
    .flatMap((item) => [...belowMin(item, asked, new Map()), ...aboveMaxRequest(item, asked)])
}

function violations(item: Item, requests: Amounts, limits: Amounts): string[] {
  return [...belowMin(item, requests, limits), ...aboveMax(item, requests, limits), ...ratios(item, requests, limits)]
}

function belowMin(item: Item, requests: Amounts, limits: Amounts): string[] {
  return Object.entries(item.min ?? {}).flatMap(([name, least]) => {
    const rule = `minimum ${name} usage per ${item.type} is ${least}`
    const [request, limit] = [requests.get(name), limits.get(name)]
    if (!request) return [`${rule}.  No request is specified`]
    if (compareQuantities(request, least) < 0) return [`${rule}, but request is ${formatQuantity(request)}`]
    return limit && compareQuantities(limit, least) < 0 ? [`${rule}, but limit is ${formatQuantity(limit)}`] : []
  })
}

function aboveMax(item: Item, requests: Amounts, limits: Amounts): string[] {
  return Object.entries(item.max ?? {}).flatMap(([name, most]) => {
    const rule = `maximum ${name} usage per ${item.type} is ${most}`
    const [request, limit] = [requests.get(name), limits.get(name)]
    if (!limit) return [`${rule}.  No limit is specified`]
    if (compareQuantities(limit, most) > 0) return [`${rule}, but limit is ${formatQuantity(limit)}`]
    return request && compareQuantities(request, most) > 0 ? [`${rule}, but request is ${formatQuantity(request)}`] : []
  })
}

function aboveMaxRequest(item: Item, requests: Amounts): string[] {
  return Object.entries(item.max ?? {}).flatMap(([name, most]) => {
    const rule = `maximum ${name} usage per ${item.type} is ${most}`
    const request = requests.get(name)
    if (!request) return [`${rule}.  No request is specified`]
    return compareQuantities(request, most) > 0 ? [`${rule}, but request is ${formatQuantity(request)}`] : []
  })
}

function ratios(item: Item, requests: Amounts, limits: Amounts): string[] {
  return Object.entries(item.maxLimitRequestRatio ?? {}).flatMap(([name, most]) => {
    const rule = `${name} max limit to request ratio per ${item.type} is ${most}`
    const [request, limit] = [requests.get(name), limits.get(name)]
    if (!request?.nanos) return [`${rule}, but no request is specified or request is 0`]
    if (!limit?.nanos) return [`${rule}, but no limit is specified or limit is 0`]
    // limit / request > most, without fractions: quantities are in billionths.
    if (limit.nanos * 1_000_000_000n <= parseQuantity(most).nanos * request.nanos) return []
    return [`${rule}, but provided ratio is ${(Number(limit.nanos) / Number(request.nanos)).toFixed(6)}`]
  })
}
