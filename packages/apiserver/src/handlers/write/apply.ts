import { schemaSource } from "@ladya/api"
import {
  applyConfiguration,
  type DecodeTarget,
  decodePatchedObject,
  deepCopy,
  duplicateKeys,
  fieldTypeOf,
  formatTime,
  type KubeObject,
  type OwnershipContext,
  statusError,
} from "@ladya/apimachinery"
import type { ApiRequest } from "../../request.ts"
import { decodeTarget } from "../encoding/types.ts"
import { readYaml, type YamlValue } from "../encoding/yaml.ts"
import type { Engine, Operation, Result } from "../operation.ts"
import { methodNotAllowed } from "../special.ts"
import { workingKind } from "../versions.ts"
import { ownershipOf } from "./field-manager.ts"
import type { Patcher } from "./patch.ts"
import { strategyOf } from "./strategies.ts"
import { updateObject } from "./update.ts"

export const applyPatchType = "application/apply-patch+yaml"

/** Reads a configuration to be applied: YAML, JSON being that too. Throws a 400 Status. */
export async function configurationOf(request: ApiRequest, operation: Operation): Promise<unknown> {
  const text = (await request.body()).toString("utf8")
  const isStrict = operation.fieldValidation !== "Ignore"
  if (text.startsWith("{")) {
    try {
      const value = JSON.parse(text) as unknown
      if (!isStrict || duplicateKeys(text, value).length === 0) return value
    } catch {
      // YAML may still make sense of it, and words the error.
    }
  }
  let read: YamlValue
  try {
    read = readYaml(text)
  } catch (error) {
    throw statusError.badRequest(
      `error decoding YAML: error converting YAML to JSON: yaml: ${(error as Error).message}`,
    )
  }
  const { value, duplicates } = read
  if (!isStrict || !duplicates) return value
  const why = `error converting YAML to JSON: ${duplicates}`
  if (operation.fieldValidation === "Strict") throw statusError.badRequest(`error strict decoding YAML: ${why}`)
  operation.warnings.push(why)
  return value
}

/** The next object of a present one, managed fields included. */
function applyTo(
  context: OwnershipContext,
  operation: Operation,
  target: DecodeTarget,
  config: unknown,
  previous: KubeObject | undefined,
): KubeObject {
  const { object, managedFields } = applyConfiguration(context, previous, config, {
    manager: operation.fieldManager,
    force: operation.force ?? false,
  })
  const source = object ?? previous ?? (config as KubeObject)
  const { managedFields: _standing, ...metadata } = source.metadata ?? {}
  const next = decodePatchedObject(deepCopy({ ...source, metadata }), "", target, schemaSource)
  if (managedFields) next.metadata.managedFields = managedFields
  return next
}

/** Applies to an object, which is made when it is not there. */
export async function applyObject(engine: Engine, operation: Operation, config: unknown): Promise<Result> {
  const strategy = strategyOf(workingKind(operation), operation.subresource)
  if (!strategy) throw methodNotAllowed()
  const context = ownershipOf(engine, operation)
  const target = decodeTarget(operation)
  return updateObject(engine, operation, {
    strategy,
    isPatch: true,
    ownership: "given",
    createsMissing: operation.subresource === "",
    compute(previous) {
      const next = applyTo(context, operation, target, config, previous)
      if (!previous) checkCreation(operation, next)
      return next
    },
  })
}

function checkCreation(operation: Operation, object: KubeObject): void {
  const { kind } = operation.resource
  const { uid, name } = object.metadata
  if (uid) {
    throw statusError.conflict(
      kind,
      operation.name,
      `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`,
    )
  }
  if (!name) {
    throw statusError.badRequest(
      `the name of the object (${operation.name} based on URL) was undeterminable: name must be provided`,
    )
  }
}

/** Applies to what a subresource of a kind of its own shows (a Scale). */
export function newApplier(engine: Engine, operation: Operation, target: DecodeTarget, config: unknown): Patcher {
  const context = viewOwnership(engine, operation, target)
  return (previous) => applyTo(context, operation, target, config, previous)
}

/** How what a subresource shows is owned. */
export function viewOwnership(engine: Engine, operation: Operation, target: DecodeTarget): OwnershipContext {
  return {
    apiVersion: target.group ? `${target.group}/${target.version}` : target.version,
    kind: target.kind,
    type: fieldTypeOf(target.type, schemaSource),
    // The managers are looked at as those of an object: they come with it.
    subresource: operation.subresource,
    ignored: new Set(["status"]),
    now: () => formatTime(engine.clock.now()),
  }
}
