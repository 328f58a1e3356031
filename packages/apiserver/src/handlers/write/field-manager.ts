import { type KindDefinition, schemaSource } from "@ladya/api"
import {
  apiVersionOf,
  decodeManaged,
  deducedType,
  type FieldType,
  fieldTypeOf,
  formatTime,
  type KubeObject,
  type metav1,
  type OwnershipContext,
  parseApiVersion,
  recordUpdate,
  semanticEqual,
  type VersionedObject,
} from "@ladya/apimachinery"
import type { ResourceTable } from "../../resources.ts"
import type { Engine, Operation } from "../operation.ts"

type Entries = metav1.ManagedFieldsEntry[] | undefined

const always: readonly string[] = ["apiVersion", "kind", "metadata"]

/** Fields of the object that this way of writing leaves as they are: nobody comes to own them by it. */
function ignoredFields(kind: KindDefinition, type: FieldType, subresource: string): ReadonlySet<string> | undefined {
  if (type.kind !== "struct") return undefined
  if (subresource === "status" || subresource === "approval") {
    const others = [...type.fields.keys()].filter((name) => name !== "status" && !always.includes(name))
    return others.length > 0 ? new Set(others) : undefined
  }
  const hasStatus = kind.subresources.some((entry) => entry.name === "status")
  return hasStatus ? new Set(["status"]) : undefined
}

/** The shape of the objects of a kind, as owners of fields see it. */
export function fieldTypeOfKind(kind: KindDefinition): FieldType {
  if (kind.custom) return kind.custom.fieldType
  return kind.type ? fieldTypeOf(kind.type, schemaSource) : deducedType
}

type Base = Omit<OwnershipContext, "now">

const bases = new WeakMap<KindDefinition, Map<string, Base>>()

function baseOf(resources: ResourceTable, kind: KindDefinition, subresource: string): Base {
  let known = bases.get(kind)
  if (!known) {
    known = new Map()
    bases.set(kind, known)
  }
  let base = known.get(subresource)
  if (!base) {
    const type = fieldTypeOfKind(kind)
    const ignored = ignoredFields(kind, type, subresource)
    base = {
      apiVersion: apiVersionOf(kind),
      kind: kind.kind,
      type,
      subresource,
      ...(ignored ? { ignored } : {}),
      inVersion: (object, apiVersion) => inVersion(resources, kind, object, apiVersion),
    }
    known.set(subresource, base)
  }
  return base
}

function inVersion(
  resources: ResourceTable,
  kind: KindDefinition,
  object: KubeObject,
  apiVersion: string,
): VersionedObject | undefined {
  const find = (text: string): KindDefinition | undefined => {
    const { group, version } = parseApiVersion(text)
    return resources.lookup(group, version, kind.resource)?.kind
  }
  const from = find(object.apiVersion)
  const to = find(apiVersion)
  const isSame = to?.storage.group === from?.storage.group && to?.storage.resource === from?.storage.resource
  if (!from || !to || !isSame) return undefined
  return { object: to.fromStorage(from.toStorage(object)), type: fieldTypeOfKind(to) }
}

/** How this operation's writes are owned. */
export function ownershipOf(engine: Engine, operation: Operation): OwnershipContext {
  const base = baseOf(engine.resources, operation.resource.kind, operation.subresource)
  return { ...base, now: () => formatTime(engine.clock.now()) }
}

/** The managed fields of what a client creates or replaces by other means than applying. */
export function recordWrite(
  engine: Engine,
  operation: Operation,
  live: KubeObject | undefined,
  next: KubeObject,
): Entries {
  return recordUpdate(ownershipOf(engine, operation), live, next, operation.fieldManager)
}

/** The managers after admission: those from before it, with a warning, when somebody left what is no list of managers. */
export function ownersAfterAdmission(before: Entries, draft: KubeObject, warnings: string[]): Entries {
  const after = draft.metadata.managedFields
  if (after === before) return after
  try {
    decodeManaged(after ?? [])
    return after
  } catch (error) {
    warnings.push(
      `.metadata.managedFields was in an invalid state after admission; this could be caused by an outdated mutating admission controller; please fix your requests: ${(error as Error).message}`,
    )
    return before
  }
}

/** Gives an object its managed fields, whether its metadata may be written to or not. */
export function setManagedFields(object: KubeObject, entries: Entries): void {
  if (object.metadata.managedFields === entries) return
  const { managedFields: _old, ...metadata } = object.metadata
  object.metadata = entries ? { ...metadata, managedFields: entries } : metadata
}

/**
 * Whether a draft differs from what stands there in nothing but the times of its managers: then it is no change.
 */
export function differsInTimesOnly(draft: KubeObject, standing: KubeObject): boolean {
  const next = draft.metadata.managedFields
  const before = standing.metadata.managedFields
  if (!next || !before || next === before || next.length !== before.length) return false
  const isSame = next.every((entry, index) => {
    const old = before[index] as metav1.ManagedFieldsEntry
    if (entry.manager !== old.manager || entry.operation !== old.operation) return false
    if (entry.apiVersion !== old.apiVersion || entry.subresource !== old.subresource) return false
    return entry.fieldsV1 === old.fieldsV1 || semanticEqual(entry.fieldsV1, old.fieldsV1)
  })
  if (!isSame) return false
  return semanticEqual({ ...draft, metadata: { ...draft.metadata, managedFields: before } }, standing)
}
