import type { ManagedFieldsEntry } from "../generated/metav1.ts"
import { type KubeObject, parseApiVersion } from "../resource.ts"
import { StatusError, statusError } from "../status.ts"
import { errorsText, fieldSetOf, validateConfiguration, withNamedFields } from "./configuration.ts"
import { type Conflict, conflictError } from "./conflicts.ts"
import { encodeManaged, identityOf, type Managed, managedOf, putManaged } from "./entries.ts"
import {
  differenceSets,
  equalSets,
  type FieldSet,
  intersectSets,
  isEmptySet,
  unionSets,
  withoutTop,
} from "./field-set.ts"
import { allowedByLastApplied, lastAppliedAnnotation, lastAppliedText, maxAnnotationsBytes } from "./last-applied.ts"
import { mergeConfiguration, withoutFields } from "./merge.ts"
import { newComparer, nothingOf, type OwnershipContext, updateManaged, viewIn, withoutMeta } from "./ownership.ts"
import { sharedSet } from "./shared-sets.ts"

/** kubectl's own name: objects it applied on its side before are taken over without conflicts. */
const kubectl = "kubectl"
const beforeFirstApply = "before-first-apply"

export interface ApplyOptions {
  readonly manager: string
  readonly force: boolean
}

export interface Applied {
  /**
   * The object as applied, to be decoded still (it may hold nulls); shares parts with what stood there and with the
   * configuration. Undefined when the configuration changed nothing of the object.
   */
  readonly object: KubeObject | undefined
  readonly managedFields: ManagedFieldsEntry[] | undefined
}

/**
 * Applies a configuration: what it says is set and owned, what its manager said before and does not any more goes unless
 * somebody else owns it. `live` is undefined for an object that is not there. Throws a 400 Status for another kind, 409 for
 * fields of other managers, 500 (as the API does) for what does not fit the schema.
 */
export function applyConfiguration(
  context: OwnershipContext,
  live: KubeObject | undefined,
  config: unknown,
  options: ApplyOptions,
): Applied {
  const wanted = checkedConfiguration(context, config)
  const managed = managedOf(live)
  // An object nobody was recorded for belongs to a manager of its own before it is applied the first time.
  if (managed.size === 0 && live) updateManaged(context, nothingOf(live), live, managed, beforeFirstApply)
  const standing = live ?? nothingOf(wanted)
  let outcome = attempt(context, standing, wanted, managed, options)
  if ("conflicts" in outcome && options.manager === kubectl) {
    const allowed = allowedByLastApplied(context.type, standing)
    const left = outcome.conflicts
      .map(({ owner, fields }) => ({ owner, fields: differenceSets(fields, allowed) }))
      .filter(({ fields }) => !isEmptySet(fields))
    if (left.length > 0) throw conflictError(left)
    outcome = attempt(context, standing, wanted, managed, { ...options, force: true })
  }
  if ("conflicts" in outcome) throw conflictError(outcome.conflicts)
  const object = options.manager === kubectl ? withLastApplied(standing, outcome.object, wanted) : outcome.object
  return {
    object,
    managedFields: outcome.isOwnershipSame ? live?.metadata.managedFields : encodeManaged(outcome.managed.values()),
  }
}

const gvkText = (apiVersion: string, kind: string): string => {
  const { group, version } = parseApiVersion(apiVersion)
  return `${group}/${version}, Kind=${kind}`
}

const textOf = (value: unknown): string => (typeof value === "string" ? value : "")

function checkedConfiguration(context: OwnershipContext, config: unknown): KubeObject {
  const object = (typeof config === "object" && config !== null ? config : {}) as Partial<KubeObject>
  const apiVersion = textOf(object.apiVersion)
  const kind = textOf(object.kind)
  if (apiVersion !== context.apiVersion || kind !== context.kind) {
    throw statusError.badRequest(`invalid object type: ${gvkText(apiVersion, kind)}`)
  }
  const metadata = (object.metadata ?? {}) as KubeObject["metadata"]
  if (metadata.managedFields !== undefined && metadata.managedFields !== null) {
    throw statusError.badRequest("metadata.managedFields must be nil")
  }
  const errors = validateConfiguration(context.type, object)
  if (errors.length > 0) {
    const place = `${textOf(metadata.namespace)}/${textOf(metadata.name)}; ${gvkText(apiVersion, kind)}`
    throw new StatusError({
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Failure",
      message: `failed to create typed patch object (${place}): ${errorsText(errors)}`,
      code: 500,
    })
  }
  return object as KubeObject
}

type Outcome =
  | { conflicts: Conflict[] }
  | { object: KubeObject | undefined; managed: Map<string, Managed>; isOwnershipSame: boolean }

function attempt(
  context: OwnershipContext,
  live: KubeObject,
  config: KubeObject,
  before: ReadonlyMap<string, Managed>,
  { manager, force }: ApplyOptions,
): Outcome {
  const managed = new Map(before)
  const own = { manager, operation: "Apply", apiVersion: context.apiVersion, subresource: context.subresource } as const
  const identity = identityOf(own)
  const last = managed.get(identity)
  let fields = fieldSetOf(context.type, config)
  if (context.ignored) fields = withoutTop(fields, new Set([...context.ignored].map((name) => `f:${name}`)))
  managed.set(identity, { ...own, time: last?.time, fields })

  const merged = mergeConfiguration(context.type, live, config) as KubeObject
  const object = last ? prune(context, merged, managed, last, fields) : merged
  const compare = newComparer(context, live, object)
  const conflicts: Conflict[] = []
  for (const [other, entry] of [...managed]) {
    if (other === identity) continue
    const comparison = compare(entry.apiVersion)
    if (comparison === "same") continue
    if (!comparison) {
      managed.delete(other)
      continue
    }
    const touched = intersectSets(entry.fields, unionSets(comparison.added, comparison.modified))
    if (!isEmptySet(touched)) conflicts.push({ owner: entry, fields: touched })
    const rest = differenceSets(differenceSets(entry.fields, touched), comparison.removed)
    if (rest !== entry.fields) putManaged(managed, other, { ...entry, fields: rest })
  }
  if (conflicts.length > 0 && !force) return { conflicts }

  const mine = withoutMeta(fields)
  putManaged(managed, identity, { ...own, time: last?.time, fields: mine })
  const isSame = compare(context.apiVersion) === "same"
  const isOwnershipSame = isSame && sameManaged(before, managed)
  if (!isOwnershipSame && managed.has(identity)) {
    managed.set(identity, { ...own, time: context.now(), fields: sharedSet(mine) })
  }
  return { object: isSame ? undefined : object, managed, isOwnershipSame }
}

function sameManaged(a: ReadonlyMap<string, Managed>, b: ReadonlyMap<string, Managed>): boolean {
  if (a.size !== b.size) return false
  for (const [identity, entry] of a) {
    const other = b.get(identity)
    if (!other || other.apiVersion !== entry.apiVersion || !equalSets(entry.fields, other.fields)) return false
  }
  return true
}

/** Takes away what the manager said the last time, says no more, and nobody owns. */
function prune(
  context: OwnershipContext,
  merged: KubeObject,
  managed: ReadonlyMap<string, Managed>,
  last: Managed,
  fields: FieldSet,
): KubeObject {
  if (last.apiVersion === context.apiVersion && isEmptySet(differenceSets(last.fields, fields))) return merged
  const start = viewIn(context, merged, last.apiVersion)
  if (!start) return merged
  const said = withNamedFields(start.type, last.fields)
  const bare = withoutFields(start.type, start.object, said) as KubeObject | undefined
  let pruned = bare
    ? { ...bare, apiVersion: start.object.apiVersion, kind: start.object.kind }
    : nothingOf(start.object)

  for (const [apiVersion, owned] of ownedByVersion(managed, last.apiVersion)) {
    const whole = viewIn(context, merged, apiVersion)
    const rest = viewIn(context, pruned, apiVersion)
    if (!whole || !rest) continue
    const { type } = whole
    const all = withNamedFields(type, fieldSetOf(type, whole.object))
    const kept = unionSets(withNamedFields(type, fieldSetOf(type, rest.object)), withNamedFields(type, owned))
    pruned = withoutFields(type, whole.object, differenceSets(all, kept)) as KubeObject
  }

  const rest = viewIn(context, pruned, last.apiVersion)
  if (!rest) return merged
  const all = withNamedFields(start.type, fieldSetOf(start.type, start.object))
  const gone = differenceSets(all, withNamedFields(start.type, fieldSetOf(start.type, rest.object)))
  const result = withoutFields(start.type, start.object, intersectSets(gone, said)) as KubeObject
  return viewIn(context, result, context.apiVersion)?.object ?? merged
}

function ownedByVersion(managed: ReadonlyMap<string, Managed>, first: string): Map<string, FieldSet> {
  const owned = new Map<string, FieldSet>([[first, {}]])
  for (const entry of managed.values()) {
    owned.set(entry.apiVersion, unionSets(owned.get(entry.apiVersion) ?? {}, entry.fields))
  }
  return owned
}

/** Keeps the annotation of applying on the client's side in step, where the object has it. */
function withLastApplied(live: KubeObject, object: KubeObject | undefined, config: KubeObject): KubeObject | undefined {
  const target = object ?? live
  const annotations = target.metadata?.annotations
  const standing = annotations?.[lastAppliedAnnotation]
  if (!annotations || standing === undefined) return object
  const text = lastAppliedText(config)
  if (text === standing) return object
  const next: Record<string, string> = { ...annotations, [lastAppliedAnnotation]: text }
  let bytes = 0
  for (const name in next) bytes += name.length + new TextEncoder().encode(next[name]).length
  if (bytes > maxAnnotationsBytes) delete next[lastAppliedAnnotation]
  return { ...target, metadata: { ...target.metadata, annotations: next } }
}
