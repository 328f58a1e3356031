import { fieldError, type KubeObject, semanticEqual, statusError, validateObjectMetaUpdate } from "@ladya/apimachinery"
import { authorize } from "../../filters/authorize.ts"
import type { Entry } from "../../storage/entry.ts"
import type { ResourceStorage } from "../../storage/resource-storage.ts"
import { type Engine, type Operation, type Result, servedObject, storageOf } from "../operation.ts"
import { entryIn, toKept, workingKind } from "../versions.ts"
import { attributesOf, mutate, validate } from "./admit.ts"
import { createObject } from "./create.ts"
import { differsInTimesOnly, ownersAfterAdmission, recordWrite, setManagedFields } from "./field-manager.ts"
import { ensureName, ensureNamespace, keepMetadata } from "./metadata.ts"
import type { UpdateStrategy } from "./strategies.ts"

export interface UpdateOptions {
  strategy: UpdateStrategy
  /** What is computed carries the version it was computed from: that pins nothing, and a conflict is tried again. */
  isPatch?: boolean
  /** Who owns the fields: found out (unless told), as it stood before, or given with what is computed. */
  ownership?: "kept" | "given"
  /** Makes what is not there. */
  createsMissing?: boolean
  /**
   * Makes the draft, in the version of the operation, from what stands there. May be called again after a conflict.
   * `previous` is frozen, undefined when there is nothing.
   */
  compute(previous: KubeObject | undefined): Promise<KubeObject> | KubeObject
}

const modified = "the object has been modified; please apply your changes to the latest version and try again"
const attempts = 10

/** Replaces an object under optimistic concurrency. Throws 404, 409 and 422 Statuses. */
export async function updateObject(engine: Engine, operation: Operation, options: UpdateOptions): Promise<Result> {
  const storage = storageOf(operation)
  const key = storage.keyOf(operation.namespace, operation.name)
  let current = await storage.get(key)
  for (let attempt = 1; ; attempt++) {
    if (!current) return createInstead(engine, operation, options)
    const step = await tryUpdate(engine, operation, options, storage, key, current)
    if (step.done) return step.result
    if (step.isPinned || attempt === attempts) {
      throw statusError.conflict(operation.resource.kind, operation.name, modified)
    }
    current = step.current
  }
}

type Step = { done: true; result: Result } | { done: false; isPinned: boolean; current: Entry | undefined }

async function createInstead(engine: Engine, operation: Operation, options: UpdateOptions): Promise<Result> {
  const { kind } = operation.resource
  const isAllowed =
    options.createsMissing || (options.strategy.mayCreate && workingKind(operation).behaviour.allowCreateOnUpdate)
  if (!isAllowed) throw statusError.notFound(kind, operation.name)
  const draft = await options.compute(undefined)
  if (draft.metadata.uid) {
    throw statusError.conflict(
      kind,
      operation.name,
      `Precondition failed: UID in precondition: ${draft.metadata.uid}, UID in object meta: `,
    )
  }
  if (draft.metadata.resourceVersion && draft.metadata.resourceVersion !== "0") {
    throw statusError.notFound(kind, operation.name)
  }
  delete draft.metadata.resourceVersion
  await authorizeCreation(engine, operation)
  return createObject(engine, operation, draft, options.ownership === "given" ? { ownership: "given" } : {})
}

/** Who may change objects may not make them for that. Throws a 403 Status. */
async function authorizeCreation(engine: Engine, operation: Operation): Promise<void> {
  if (!engine.authorizer) return
  const { group, version, resource } = operation.resource.kind
  const { namespace, subresource, name, user } = operation
  await authorize(engine.authorizer, {
    user,
    info: {
      ...{ isResource: true, path: "", verb: "create", group, version, resource },
      ...{ subresource, rest: "", namespace, name },
    },
  })
}

async function tryUpdate(
  engine: Engine,
  operation: Operation,
  options: UpdateOptions,
  storage: ResourceStorage,
  key: string,
  current: Entry,
): Promise<Step> {
  const served = operation.resource.kind
  const kind = workingKind(operation)
  const { strategy } = options
  const standing = await entryIn(served, current)
  const live = servedObject(operation, standing)
  const previous = kind === served ? live : current.object
  const input = await options.compute(live)
  ensureNamespace(input, operation.namespace)
  ensureName(input, operation.name)
  const isPinned = checkPreconditions(operation, input, previous) && !options.isPatch
  served.behaviour.default?.(input)
  const managedFields = managedFieldsOf(engine, operation, options, live, input)
  const draft = kind === served ? input : served.toStorage(input)
  if (draft !== input) kind.behaviour.default?.(draft)

  const errors = keepMetadata(draft, previous)
  setManagedFields(draft, managedFields)
  draft.metadata.resourceVersion = String(current.revision)
  const attributes = attributesOf(operation, "UPDATE", draft, previous)
  await mutate(engine, attributes)
  const owners = ownersAfterAdmission(managedFields, draft, operation.warnings)
  kind.behaviour.default?.(draft)
  // From here on the draft may share parts with what stands there: they are frozen.
  strategy.prepare(draft, previous)
  setManagedFields(draft, owners)

  const hooks = operation.subresource ? undefined : engine.hooks.get(`${kind.storage.group}/${kind.storage.resource}`)
  const reservation = await hooks?.beforeWrite(draft, previous, { dryRun: operation.dryRun })
  try {
    errors.push(...validateObjectMetaUpdate(draft.metadata, previous.metadata))
    errors.push(...strategy.validate(draft, previous))
    if (errors.length > 0) throw statusError.invalid(kind, operation.name, errors)
    const warnings = kind.behaviour.warnings?.(draft, previous)
    if (warnings) operation.warnings.push(...warnings)
    await validate(engine, attributes)
    const step = await write(operation, strategy, storage, key, current, draft)
    if (step.done) await reservation?.commit()
    else await reservation?.rollback()
    if (step.done && !operation.dryRun && strategy.isGone?.(draft)) await hooks?.afterDelete?.(draft)
    return step.done ? step : { ...step, isPinned }
  } catch (error) {
    await reservation?.rollback()
    throw error
  } finally {
    for (const done of attributes.whenDone ?? []) done()
  }
}

function managedFieldsOf(
  engine: Engine,
  operation: Operation,
  options: UpdateOptions,
  live: KubeObject,
  input: KubeObject,
): KubeObject["metadata"]["managedFields"] {
  if (options.ownership === "given") return input.metadata.managedFields
  if (options.ownership === "kept") return live.metadata.managedFields
  return recordWrite(engine, operation, live, input)
}

async function write(
  operation: Operation,
  strategy: UpdateStrategy,
  storage: ResourceStorage,
  key: string,
  current: Entry,
  draft: KubeObject,
): Promise<Step> {
  const kept = await toKept(operation, draft)
  const value = storage.encode(kept)
  // Nothing changed: the version stays, and nobody is told.
  if (isUnchanged(kept, value, current)) return entryStep(current)
  if (operation.dryRun) {
    const object = operation.resource.kind.fromStorage(kept)
    return { done: true, result: { type: "object", code: 200, object, kind: operation.resource.kind } }
  }
  const isGone = strategy.isGone?.(draft) ?? false
  const outcome = isGone
    ? await storage.delete(key, current.revision)
    : await storage.update(key, value, kept, current.revision)
  if (!outcome.ok) return { done: false, isPinned: false, current: outcome.current }
  if (!isGone) return entryStep(outcome.entry)
  const gone = { ...kept, metadata: { ...kept.metadata, resourceVersion: String(outcome.entry.revision) } }
  const object = operation.resource.kind.fromStorage(gone)
  return { done: true, result: { type: "object", code: 200, object, kind: operation.resource.kind } }
}

/** The same but for the order of fields, or the times of managers: neither makes a text longer or shorter. */
function isUnchanged(draft: KubeObject, value: Buffer, current: Entry): boolean {
  if (current.isRevised || value.length !== current.value.length) return false
  if (value.equals(current.value)) return true
  return semanticEqual(draft, current.object) || differsInTimesOnly(draft, current.object)
}

const entryStep = (entry: Entry): Step => ({ done: true, result: { type: "entry", code: 200, entry } })

/** Whether the client named the version it wants to replace. Throws when that, or the uid, is another. */
function checkPreconditions(operation: Operation, input: KubeObject, previous: KubeObject): boolean {
  const { kind } = operation.resource
  const { uid, resourceVersion } = input.metadata
  if (uid && uid !== previous.metadata.uid) {
    throw statusError.conflict(
      kind,
      operation.name,
      `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${previous.metadata.uid}`,
    )
  }
  if (!resourceVersion || resourceVersion === "0") {
    if (workingKind(operation).behaviour.allowUnconditionalUpdate === false) {
      throw statusError.invalid(kind, operation.name, [
        fieldError.invalid("metadata.resourceVersion", 0, "must be specified for an update"),
      ])
    }
    return false
  }
  if (resourceVersion !== previous.metadata.resourceVersion) {
    throw statusError.conflict(kind, operation.name, modified)
  }
  return true
}
