import type { Decode, FieldError, FieldType, KubeObject } from "@ladya/apimachinery"

/** A printer column. `priority` 1 is shown by `-o wide` only. */
export interface Column<T extends KubeObject = KubeObject> {
  name: string
  type: "string" | "integer" | "number" | "boolean" | "date"
  format?: "name"
  priority?: 0 | 1
  /** `now` is in milliseconds since the epoch. */
  cell(object: T, now: number): string | number
}

/** How the `scale` subresource reads and writes a kind. */
export interface ScaleAccess<T extends KubeObject = KubeObject> {
  read(object: T): { specReplicas: number; statusReplicas: number; selector: string }
  /** `draft` is private to the caller. */
  write(draft: T, replicas: number): void
}

/** How an update through a subresource other than `status` is taken. */
export interface SubresourceUpdate<T extends KubeObject = KubeObject> {
  /** Resets in the draft what this subresource may not change. */
  prepare(draft: T, previous: T): void
  validate?(next: T, previous: T): FieldError[]
}

/** Who makes a request, as far as kinds record it. */
export interface Requester {
  name: string
  uid?: string | undefined
  groups: readonly string[]
  extra?: Readonly<Record<string, readonly string[]>> | undefined
}

/**
 * What is particular to a kind: pure functions. A draft is private to the caller and changed in place;
 * any other argument is frozen.
 */
export interface KindBehaviour<T extends KubeObject = KubeObject> {
  /** Fills in what the API defaults. Runs on create, update and patch, before admission, and again after it. */
  default?(draft: T): void
  /** Resets what a client may not set on create (status, generation …). */
  prepareForCreate?(draft: T, by?: Requester): void
  /** Resets what an update of the main resource may not change; generation goes up when the spec differs. */
  prepareForUpdate?(draft: T, previous: T): void
  /** Resets what an update of the status subresource may not change. */
  prepareForStatusUpdate?(draft: T, previous: T): void
  /** Every wrong field. `previous` is set on update. Metadata is checked generically, names by `validateName`. */
  validate?(next: T, previous: T | undefined): FieldError[]
  validateStatus?(next: T, previous: T): FieldError[]
  /** Updates through other subresources (`ephemeralcontainers`, `resize`, `approval`, `finalize`): what each may change. */
  subresourceUpdates?: Readonly<Record<string, SubresourceUpdate<T>>>
  /** What is wrong with a name, as texts; a DNS-1123 subdomain is wanted unless told. */
  validateName?(name: string): string[]
  /** Texts of Warning headers. */
  warnings?(next: T, previous: T | undefined): string[]
  /** Fields that a field selector may name besides metadata.name and metadata.namespace. */
  selectableFields?(object: T): Readonly<Record<string, string>>
  /** For a version that is not the stored one and has other names for them: its names, to those of the stored version. */
  fieldLabels?: Readonly<Record<string, string>>
  /** Columns of `kubectl get`; Name and Age unless told. */
  columns?: readonly Column<T>[]
  scale?: ScaleAccess<T>
  /**
   * Grace period of a deletion in seconds, given what the request asked for; kinds without one are deleted at once.
   * 0 means at once.
   */
  deletionGraceSeconds?(object: T, requested?: number): number | undefined
  /** Whether an update may create what is missing (Lease, Event, Endpoints …). */
  allowCreateOnUpdate?: boolean
  /** Whether an update without resourceVersion is accepted; yes unless told. */
  allowUnconditionalUpdate?: boolean
}

/** A built-in kind: its generated names and its behaviour. */
export interface KindDefinition<T extends KubeObject = KubeObject> {
  readonly group: string
  readonly version: string
  readonly kind: string
  readonly resource: string
  readonly singular: string
  readonly namespaced: boolean
  readonly shortNames: readonly string[]
  readonly categories: readonly string[]
  readonly verbs: readonly string[]
  /** The schema's full type name. */
  readonly type: string | undefined
  readonly subresources: readonly {
    readonly name: string
    readonly kind: { readonly group: string; readonly version: string; readonly kind: string }
    readonly verbs: readonly string[]
  }[]
  /**
   * Where and in which version objects are kept: versions of one resource share it. `group/resource` is unique per
   * kept resource, so a storage key can be built from it.
   */
  readonly storage: {
    readonly group: string
    readonly version: string
    readonly kind: string
    readonly resource: string
  }
  /** Into the stored version; the object itself when this is that version. Never writes to its argument. */
  toStorage(object: T): KubeObject
  /** Out of the stored version; the object itself when this is that version. Never writes to its argument. */
  fromStorage(object: KubeObject): T
  readonly behaviour: KindBehaviour<T>
  /** Of a custom resource: what stands in for a type of the built-in schemas. */
  readonly custom?: CustomKind
}

/** What a custom resource has instead of built-in types and conversions. */
export interface CustomKind {
  readonly decode: Decode
  readonly fieldType: FieldType
  readonly listKind: string
  /** Whether the definition is on its way out: nothing new is made of it. */
  isTerminating(): boolean
  /** Brings what was kept under an earlier definition into the present shape; undefined: it has that already. */
  revise(kept: KubeObject): KubeObject | undefined
  /**
   * Brings objects of any version into this one. Set when that takes asking a webhook: then `toStorage` and
   * `fromStorage` leave objects as they are. Throws a Status.
   */
  convert?(objects: readonly KubeObject[]): Promise<readonly KubeObject[]>
}
