import { generatedName, type KubeObject, newStatusError, statusError, validateObjectMeta } from "@ladya/apimachinery"
import { type Engine, type Operation, type Result, storageOf } from "../operation.ts"
import { toKept, workingKind } from "../versions.ts"
import { attributesOf, mutate, validate } from "./admit.ts"
import { ownersAfterAdmission, recordWrite, setManagedFields } from "./field-manager.ts"
import { ensureName, ensureNamespace, fillNewMetadata } from "./metadata.ts"
import { prepareNew } from "./strategies.ts"

/** How often a generated name that is taken is thrown again. */
const generateAttempts = 8

/**
 * Stores a new object. `input` is private, in the version of the operation, and given away.
 * Throws 400, 403, 404 (namespace), 409 AlreadyExists and 422 Statuses.
 */
export async function createObject(
  engine: Engine,
  operation: Operation,
  input: KubeObject,
  options: { ownership?: "given" } = {},
): Promise<Result> {
  const served = operation.resource.kind
  const kind = workingKind(operation)
  const { behaviour } = kind
  if (served.custom?.isTerminating()) {
    throw newStatusError("MethodNotAllowed", "create not allowed while custom resource definition is terminating")
  }
  ensureNamespace(input, operation.namespace)
  if (operation.name) ensureName(input, operation.name)
  if (input.metadata.resourceVersion) {
    throw statusError.badRequest("resourceVersion should not be set on objects to be created")
  }
  served.behaviour.default?.(input)
  const managedFields =
    options.ownership === "given" ? input.metadata.managedFields : recordWrite(engine, operation, undefined, input)
  const draft = kind === served ? input : served.toStorage(input)
  if (draft !== input) behaviour.default?.(draft)
  setManagedFields(draft, managedFields)

  const attributes = attributesOf(operation, "CREATE", draft, undefined)
  await mutate(engine, attributes)
  const owners = ownersAfterAdmission(managedFields, draft, operation.warnings)
  const base = draft.metadata.name ? "" : (draft.metadata.generateName ?? "")
  if (base) draft.metadata.name = generatedName(base, engine.random)
  attributes.name ||= draft.metadata.name ?? ""
  fillNewMetadata(draft, engine)
  if (owners) draft.metadata.managedFields = owners
  prepareNew(kind, draft, operation.user)
  behaviour.default?.(draft)

  const hooks = engine.hooks.get(`${kind.storage.group}/${kind.storage.resource}`)
  const reservation = await hooks?.beforeWrite(draft, undefined, { dryRun: operation.dryRun })
  try {
    checkNew(operation, draft)
    await validate(engine, attributes)
    const result = await write(engine, operation, draft, base)
    await reservation?.commit()
    return result
  } catch (error) {
    await reservation?.rollback()
    throw error
  } finally {
    for (const done of attributes.whenDone ?? []) done()
  }
}

function checkNew(operation: Operation, draft: KubeObject): void {
  const kind = workingKind(operation)
  const { behaviour } = kind
  const { validateName } = behaviour
  const errors = validateObjectMeta(draft.metadata, {
    namespaced: kind.namespaced,
    ...(validateName ? { validateName } : {}),
  })
  const own = behaviour.validate?.(draft, undefined)
  if (own) errors.push(...own)
  if (errors.length > 0) throw statusError.invalid(kind, draft.metadata.name ?? "", errors)
  const warnings = behaviour.warnings?.(draft, undefined)
  if (warnings) operation.warnings.push(...warnings)
}

async function write(engine: Engine, operation: Operation, draft: KubeObject, base: string): Promise<Result> {
  const storage = storageOf(operation)
  for (let attempt = 1; ; attempt++) {
    const name = draft.metadata.name ?? ""
    const key = storage.keyOf(draft.metadata.namespace ?? "", name)
    if (operation.dryRun) {
      if (!(await storage.get(key)))
        return { type: "object", code: 201, object: served(operation, draft), kind: operation.resource.kind }
    } else {
      const outcome = await storage.create(key, await toKept(operation, draft))
      if (outcome.ok) return { type: "entry", code: 201, entry: outcome.entry }
    }
    if (!base) throw statusError.alreadyExists(operation.resource.kind, name)
    if (attempt === generateAttempts) {
      throw newStatusError(
        "AlreadyExists",
        `${operation.resource.kind.resource} ${JSON.stringify(name)} already exists, the server was not able to generate a unique name for the object`,
        { name, kind: operation.resource.kind.resource, retryAfterSeconds: 1 },
      )
    }
    draft.metadata.name = generatedName(base, engine.random)
  }
}

const served = (operation: Operation, draft: KubeObject): KubeObject =>
  operation.resource.kind.custom ? draft : operation.resource.kind.fromStorage(draft)
