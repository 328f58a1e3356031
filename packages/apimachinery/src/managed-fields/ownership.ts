import type { ManagedFieldsEntry } from "../generated/metav1.ts"
import { jsonEqual } from "../objects/equality.ts"
import type { KubeObject } from "../resource.ts"
import { type Comparison, compareObjects } from "./compare.ts"
import { capManaged, decodeManaged, encodeManaged, identityOf, type Managed, managedOf, putManaged } from "./entries.ts"
import { differenceSets, emptySet, type FieldSet, isEmptySet, leaf, unionSets } from "./field-set.ts"
import type { FieldType } from "./field-type.ts"
import { sharedSet } from "./shared-sets.ts"
import { SignatureMemo, signatureOf } from "./signature.ts"

/** An object in some version, and the type of that. */
export interface VersionedObject {
  readonly object: KubeObject
  readonly type: FieldType
}

/** In what way an object is written. */
export interface OwnershipContext {
  /** The version of the request. */
  readonly apiVersion: string
  readonly kind: string
  readonly type: FieldType
  /** Empty for the object itself. */
  readonly subresource: string
  /** Fields of the object, by name, that this way of writing does not change: they are nobody's. */
  readonly ignored?: ReadonlySet<string>
  /** The object in another version; undefined when there is no such version any more. */
  inVersion?(object: KubeObject, apiVersion: string): VersionedObject | undefined
  /** As the API writes times. */
  now(): string
}

// What the server alone says, and what every object has.
const metadataOfServer = [
  "name",
  "namespace",
  "creationTimestamp",
  "selfLink",
  "uid",
  "clusterName",
  "generation",
  "managedFields",
  "resourceVersion",
]
const neverOwned: FieldSet = {
  "f:apiVersion": leaf,
  "f:kind": leaf,
  "f:metadata": { ".": leaf, ...Object.fromEntries(metadataOfServer.map((name) => [`f:${name}`, leaf])) },
}

/** Without the fields that nobody owns. */
export const withoutMeta = (set: FieldSet): FieldSet => differenceSets(set, neverOwned)

export function viewIn(context: OwnershipContext, object: KubeObject, apiVersion: string): VersionedObject | undefined {
  if (apiVersion === context.apiVersion) return { object, type: context.type }
  return context.inVersion?.(object, apiVersion)
}

/** Compares in the versions of the managers, in each once. Undefined for a version that is no more. */
export function newComparer(
  context: OwnershipContext,
  live: KubeObject,
  next: KubeObject,
): (apiVersion: string) => Comparison | "same" | undefined {
  const known = new Map<string, Comparison | "same" | undefined>()
  const compare = (apiVersion: string): Comparison | "same" | undefined => {
    const before = viewIn(context, live, apiVersion)
    const after = viewIn(context, next, apiVersion)
    if (!before || !after) return undefined
    return compareObjects(before.type, before.object, after.object, context.ignored) ?? "same"
  }
  return (apiVersion) => {
    if (!known.has(apiVersion)) known.set(apiVersion, compare(apiVersion))
    return known.get(apiVersion)
  }
}

/** Nothing, as an object: what a new one is compared with. */
export function nothingOf(object: { apiVersion: string; kind: string }): KubeObject {
  return { apiVersion: object.apiVersion, kind: object.kind, metadata: {} }
}

/** A list that asks for forgetting all managers: empty, or with one empty entry. */
function isReset(entries: readonly ManagedFieldsEntry[]): boolean {
  if (entries.length === 0) return true
  return entries.length === 1 && isEmptySet((entries[0] ?? {}) as FieldSet)
}

/**
 * Who owned what before this write: as the client says when it says something sensible, else as it stands.
 * `isLive`: what stands is taken over as it is.
 */
function managedBefore(
  context: OwnershipContext,
  live: KubeObject | undefined,
  next: KubeObject,
): { managed: Map<string, Managed>; isLive: boolean } {
  const given = next.metadata.managedFields as readonly ManagedFieldsEntry[] | undefined
  const standing = live?.metadata.managedFields
  const fromLive = (): { managed: Map<string, Managed>; isLive: boolean } => ({
    managed: managedOf(live),
    isLive: true,
  })
  if (context.subresource || !given || given === standing) return fromLive()
  if (isReset(given)) return { managed: new Map(), isLive: false }
  if (jsonEqual(given, standing)) return fromLive()
  try {
    return { managed: decodeManaged(given), isLive: false }
  } catch {
    return fromLive()
  }
}

/**
 * The managed fields of an object that is created (`live` undefined) or updated. `next` is what the client wants, defaulted.
 * Gives the very list of `live` when nothing changed.
 */
export function recordUpdate(
  context: OwnershipContext,
  live: KubeObject | undefined,
  next: KubeObject,
  manager: string,
): ManagedFieldsEntry[] | undefined {
  const { managed, isLive } = managedBefore(context, live, next)
  // An object that is not tracked stays so until it is applied.
  if (managed.size === 0 && live) return undefined
  if (managed.size === 0) return recordNew(context, next, manager)
  const before = live ?? nothingOf(next)
  const isChanged = updateManaged(context, before, next, managed, manager)
  if (!isChanged && isLive) return live?.metadata.managedFields
  return encodeManaged(managed.values())
}

const memos = new WeakMap<FieldType, Map<ReadonlySet<string> | undefined, SignatureMemo>>()

/** What a manager owns of an object that it creates is worked out once for objects with the same fields. */
function recordNew(context: OwnershipContext, next: KubeObject, manager: string): ManagedFieldsEntry[] | undefined {
  let byIgnored = memos.get(context.type)
  if (!byIgnored) {
    byIgnored = new Map()
    memos.set(context.type, byIgnored)
  }
  let memo = byIgnored.get(context.ignored)
  if (!memo) {
    memo = new SignatureMemo()
    byIgnored.set(context.ignored, memo)
  }
  const signature = signatureOf(context.type, next)
  const managed = new Map<string, Managed>()
  const fields = memo.get(signature)
  if (fields) {
    if (isEmptySet(fields)) return undefined
    const own = ownEntry(context, manager)
    return encodeManaged([{ ...own, time: context.now(), fields }])
  }
  updateManaged(context, nothingOf(next), next, managed, manager)
  const [entry] = managed.values()
  memo.set(signature, entry?.fields ?? emptySet)
  return encodeManaged(managed.values())
}

const ownEntry = ({ apiVersion, subresource }: OwnershipContext, manager: string) =>
  ({ manager: manager || "unknown", operation: "Update", apiVersion, subresource }) as const

/** Gives what changed to the manager and takes it from all others. False when nothing changed. */
export function updateManaged(
  context: OwnershipContext,
  live: KubeObject,
  next: KubeObject,
  managed: Map<string, Managed>,
  manager: string,
): boolean {
  const compare = newComparer(context, live, next)
  const comparison = compare(context.apiVersion)
  if (!comparison || comparison === "same") return false
  const changed = unionSets(comparison.added, comparison.modified)
  let isChanged = false
  for (const [identity, entry] of managed) {
    const here = entry.apiVersion === context.apiVersion ? comparison : compare(entry.apiVersion)
    if (here === "same") continue
    if (!here) {
      managed.delete(identity)
      isChanged = true
      continue
    }
    const touched = here === comparison ? changed : unionSets(here.added, here.modified)
    const fields = differenceSets(differenceSets(entry.fields, touched), here.removed)
    if (fields === entry.fields) continue
    putManaged(managed, identity, { ...entry, fields })
    isChanged = true
  }
  const mine = withoutMeta(changed)
  if (isEmptySet(mine)) return isChanged
  const own = ownEntry(context, manager)
  const identity = identityOf(own)
  const previous = managed.get(identity)
  const fields = sharedSet(previous ? unionSets(previous.fields, mine) : mine)
  managed.set(identity, { ...own, time: context.now(), fields })
  capManaged(managed)
  return true
}
