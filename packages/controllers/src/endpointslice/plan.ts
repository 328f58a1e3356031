import { type corev1, type discoveryv1, serviceNameLabel } from "@ladya/api"
import { newControllerRef, semanticEqual } from "@ladya/apimachinery"
import { isHeadless } from "../shared/services.ts"
import { type AddressType, type EndpointGroup, portsKey } from "./endpoints.ts"

type Slice = discoveryv1.EndpointSlice
type Endpoint = discoveryv1.Endpoint

export const managedByLabel = "endpointslice.kubernetes.io/managed-by"
export const managedBy = "endpointslice-controller.k8s.io"
const headlessLabel = "service.kubernetes.io/headless"

export interface SlicesInput {
  service: corev1.Service
  addressType: AddressType
  groups: readonly EndpointGroup[]
  /** Those of this Service, family and controller. */
  existing: readonly Slice[]
  maxPerSlice: number
}

export interface SlicesPlan {
  create: Slice[]
  update: Slice[]
  remove: Slice[]
}

/**
 * What brings the slices of a Service in line with its endpoints, with few writes: endpoints stay in the slice they
 * are in, new ones go first into slices that change anyway, then into one with room, then into new ones.
 */
export function planSlices(input: SlicesInput): SlicesPlan {
  const plan: SlicesPlan = { create: [], update: [], remove: [] }
  const byPorts = new Map<string, Slice[]>()
  for (const slice of input.existing) {
    const key = portsKey(slice.ports)
    byPorts.set(key, [...(byPorts.get(key) ?? []), slice])
  }
  const wanted = new Set(input.groups.map((group) => portsKey(group.ports)))
  for (const group of input.groups) planGroup(input, group, byPorts.get(portsKey(group.ports)) ?? [], plan)
  for (const [key, slices] of byPorts) if (!wanted.has(key)) plan.remove.push(...slices)
  if (input.groups.length === 0) keepPlaceholder(input, plan)
  reuse(plan)
  return plan
}

function planGroup(input: SlicesInput, group: EndpointGroup, existing: readonly Slice[], plan: SlicesPlan): void {
  const { maxPerSlice } = input
  const missing = new Map(group.endpoints.map((endpoint) => [identity(endpoint), endpoint]))
  const labels = labelsOf(input.service)
  const kept: { slice: Slice; endpoints: Endpoint[]; changed: boolean }[] = []
  for (const slice of existing) {
    const endpoints: Endpoint[] = []
    let changed = !semanticEqual(slice.metadata.labels, labels) || !hasOwner(slice, input.service)
    for (const present of slice.endpoints ?? []) {
      const next = missing.get(identity(present))
      if (!next) {
        changed = true
        continue
      }
      missing.delete(identity(present))
      if (semanticEqual(next, present)) endpoints.push(present)
      else {
        endpoints.push(next)
        changed = true
      }
    }
    if (endpoints.length > maxPerSlice) {
      for (const surplus of endpoints.splice(maxPerSlice)) missing.set(identity(surplus), surplus)
      changed = true
    }
    kept.push({ slice, endpoints, changed })
  }
  const rest = [...missing.values()]
  for (const one of kept) if (one.changed) one.endpoints.push(...rest.splice(0, maxPerSlice - one.endpoints.length))
  while (rest.length >= maxPerSlice) plan.create.push(newSlice(input, group, rest.splice(0, maxPerSlice)))
  if (rest.length > 0) {
    const room = kept
      .filter((one) => !one.changed && one.endpoints.length + rest.length <= maxPerSlice)
      .sort((a, b) => b.endpoints.length - a.endpoints.length)[0]
    if (room) {
      room.endpoints.push(...rest)
      room.changed = true
    } else plan.create.push(newSlice(input, group, rest))
  }
  for (const { slice, endpoints, changed } of kept) {
    if (endpoints.length === 0) plan.remove.push(slice)
    else if (changed) plan.update.push(changedSlice(slice, input.service, endpoints))
  }
}

/** A Service without endpoints has one empty slice, which tells that it was looked at. */
function keepPlaceholder(input: SlicesInput, plan: SlicesPlan): void {
  const empty = { ports: [], endpoints: [] }
  const kept = plan.remove.find((slice) => portsKey(slice.ports) === "") ?? plan.remove[0]
  if (!kept) {
    plan.create.push(newSlice(input, empty, []))
    return
  }
  plan.remove.splice(plan.remove.indexOf(kept), 1)
  const isSame =
    (kept.endpoints ?? []).length === 0 &&
    portsKey(kept.ports) === "" &&
    semanticEqual(kept.metadata.labels, labelsOf(input.service)) &&
    hasOwner(kept, input.service)
  if (!isSame) plan.update.push({ ...changedSlice(kept, input.service, []), ports: [] })
}

/** A slice that would go takes the place of one that would come: one write, and readers see no gap. */
function reuse(plan: SlicesPlan): void {
  while (plan.create.length > 0 && plan.remove.length > 0) {
    const created = plan.create.shift() as Slice
    const removed = plan.remove.shift() as Slice
    const { labels = {}, ownerReferences = [] } = created.metadata
    plan.update.push({ ...created, metadata: { ...removed.metadata, labels, ownerReferences } })
  }
}

/** One pod (or, without one, one address) is one endpoint, whatever else changes. */
function identity(endpoint: Endpoint): string {
  const { targetRef, addresses } = endpoint
  return `${targetRef?.uid ?? ""}|${addresses.join(",")}`
}

function labelsOf(service: corev1.Service): Record<string, string> {
  const labels: Record<string, string> = {}
  for (const [name, value] of Object.entries(service.metadata.labels ?? {})) {
    if (name !== managedByLabel && name !== serviceNameLabel && name !== headlessLabel) labels[name] = value
  }
  if (isHeadless(service)) labels[headlessLabel] = ""
  labels[serviceNameLabel] = service.metadata.name ?? ""
  labels[managedByLabel] = managedBy
  return labels
}

function hasOwner(slice: Slice, service: corev1.Service): boolean {
  return slice.metadata.ownerReferences?.some((reference) => reference.uid === service.metadata.uid) ?? false
}

function changedSlice(slice: Slice, service: corev1.Service, endpoints: Endpoint[]): Slice {
  return {
    ...slice,
    metadata: { ...slice.metadata, labels: labelsOf(service), ownerReferences: [newControllerRef(service)] },
    endpoints,
  }
}

function newSlice(input: SlicesInput, group: EndpointGroup, endpoints: Endpoint[]): Slice {
  const { service, addressType } = input
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      generateName: `${service.metadata.name}-`,
      namespace: service.metadata.namespace ?? "",
      labels: labelsOf(service),
      ownerReferences: [newControllerRef(service)],
    },
    addressType,
    endpoints,
    ports: [...group.ports],
  }
}
