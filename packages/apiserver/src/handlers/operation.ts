import type { KindDefinition } from "@ladya/api"
import type { KubeObject } from "@ladya/apimachinery"
import type { Clock, Logger, Random } from "@ladya/util"
import type { AdmissionPlugin } from "../admission/admission.ts"
import type { UserInfo } from "../authentication/authenticator.ts"
import type { Authorizer } from "../authorization/authorizer.ts"
import type { ResourceTable, ServedResource } from "../resources.ts"
import type { Entry } from "../storage/entry.ts"
import type { ResourceStorage } from "../storage/resource-storage.ts"
import type { ListForm } from "../storage/slot-blocks.ts"

/** What the handlers of all verbs share. */
export interface Engine {
  clock: Clock
  log: Logger
  random: Random
  newUid(): string
  resources: ResourceTable
  /** In this order. */
  admission: readonly AdmissionPlugin[]
  /** Asked when applying makes an object; without it that is allowed. */
  authorizer?: Authorizer
  /** What a write of some kinds does besides (Service addresses), by `group/resource`. */
  hooks: ReadonlyMap<string, WriteHooks>
}

/**
 * What happens around a write beyond the object itself. Anything taken in `beforeWrite` is given back
 * when the write fails.
 */
export interface WriteHooks {
  /** The draft is complete but for what this adds. Throws a Status to refuse. */
  beforeWrite(draft: KubeObject, previous: KubeObject | undefined, options: { dryRun: boolean }): Promise<Reservation>
  /** The object is gone for good. */
  afterDelete?(object: KubeObject): Promise<void>
}

export interface Reservation {
  commit(): Promise<void>
  rollback(): Promise<void>
}

/** One request for one resource, after authentication and authorisation, whatever way it came. */
export interface Operation {
  user: UserInfo
  resource: ServedResource
  /** Empty for the main resource. */
  subresource: string
  namespace: string
  /** Empty for create, list and so on. */
  name: string
  dryRun: boolean
  /** Who owns the fields that this changes. */
  fieldManager: string
  /** Given when a configuration is applied: whether it takes fields from other managers. */
  force?: boolean
  fieldValidation: "Strict" | "Warn" | "Ignore"
  /** Texts that become Warning headers. */
  warnings: string[]
  /** What the client itself said of these, if anything. */
  given?(parameter: "fieldManager" | "fieldValidation"): string | null
  /** Leaves a note for the audit. */
  annotate?(key: string, value: string): void
  /** One step of a request that was admitted as a whole, under another form. */
  isPart?: boolean
  signal: AbortSignal
}

export interface ListMetadata {
  resourceVersion: string
  continue?: string
  remainingItemCount?: number
}

/** What a handler found or did, before it is given a form. */
export type Result =
  | { type: "entry"; code: number; entry: Entry }
  /** An object that is not kept as such; already in the version it is to be sent in. */
  | { type: "object"; code: number; object: KubeObject; kind: KindDefinition | undefined }
  | { type: "list"; entries: readonly Entry[]; metadata: ListMetadata }
  /** A list whose objects are wanted as bytes alone, in the form that EncodedRange tells. */
  | { type: "encoded list"; form: ListForm; chunks: readonly Buffer[]; metadata: ListMetadata }

/** The storage of an operation's resource; a resource without one never gets here. */
export function storageOf(operation: Operation): ResourceStorage {
  const { storage } = operation.resource
  if (!storage) throw new Error(`${operation.resource.kind.resource} are not kept`)
  return storage
}

/** The object in the version of the operation, not to be written to. */
export function servedObject(operation: Operation, entry: Entry): KubeObject {
  return operation.resource.kind.fromStorage(entry.object)
}
