import { type FieldError, fieldError, formatTime, type KubeObject, statusError } from "@ladya/apimachinery"
import type { Clock } from "@ladya/util"

/** Puts the request's namespace into the object. Throws a 400 Status when they contradict each other. */
export function ensureNamespace(object: KubeObject, namespace: string): void {
  const { metadata } = object
  if ((metadata.namespace ?? "") === namespace) return
  if (!metadata.namespace) metadata.namespace = namespace
  else if (!namespace) delete metadata.namespace
  else {
    throw statusError.badRequest(
      "the namespace of the provided object does not match the namespace sent on the request",
    )
  }
}

/** Throws a 400 Status when the object bears another name than the URL. */
export function ensureName(object: KubeObject, name: string): void {
  const { metadata } = object
  if (!metadata.name) metadata.name = name
  else if (metadata.name !== name) {
    throw statusError.badRequest(
      `the name of the object (${metadata.name}) does not match the name on the URL (${name})`,
    )
  }
}

/** What the server alone decides about a new object. */
export function fillNewMetadata(draft: KubeObject, engine: { clock: Clock; newUid(): string }): void {
  const { metadata } = draft
  delete metadata.deletionTimestamp
  delete metadata.deletionGracePeriodSeconds
  delete metadata.selfLink
  delete metadata.generation
  delete metadata.managedFields
  metadata.uid = engine.newUid()
  metadata.creationTimestamp = formatTime(engine.clock.now())
}

/**
 * What an update may not change is taken from what stands there. Returns an error for a time of deletion
 * that the client tries to set or change.
 */
export function keepMetadata(draft: KubeObject, previous: KubeObject): FieldError[] {
  const { metadata } = draft
  const { metadata: old } = previous
  delete metadata.selfLink
  delete metadata.managedFields
  delete metadata.generation
  if (old.generation !== undefined) metadata.generation = old.generation
  const errors: FieldError[] = []
  for (const field of ["deletionTimestamp", "deletionGracePeriodSeconds"] as const) {
    if (metadata[field] === old[field] || metadata[field] === undefined || metadata[field] === null) continue
    errors.push(fieldError.invalid(`metadata.${field}`, metadata[field], "field is immutable"))
  }
  Object.assign(metadata, {
    uid: metadata.uid || old.uid,
    creationTimestamp: old.creationTimestamp,
  })
  if (old.deletionTimestamp === undefined) {
    delete metadata.deletionTimestamp
    delete metadata.deletionGracePeriodSeconds
  } else {
    metadata.deletionTimestamp = old.deletionTimestamp
    if (old.deletionGracePeriodSeconds === undefined) delete metadata.deletionGracePeriodSeconds
    else metadata.deletionGracePeriodSeconds = old.deletionGracePeriodSeconds
  }
  return errors
}
