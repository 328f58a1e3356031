/** A field of an API type. `ref` names another type; otherwise `type` says what stands there. */
export interface FieldSchema {
  readonly type?: "string" | "integer" | "number" | "boolean" | "array" | "map" | "object"
  readonly ref?: string
  readonly format?: string
  /** What the published API document gives; mostly the zero value. Real defaulting is the kind's own. */
  readonly default?: unknown
  readonly items?: FieldSchema
  readonly values?: FieldSchema
  readonly listType?: "atomic" | "set" | "map"
  readonly listMapKeys?: readonly string[]
  readonly mapType?: "atomic" | "granular"
  /** `merge`, `replace`, `retainKeys`, or two of them with a comma. */
  readonly patchStrategy?: string
  readonly patchMergeKey?: string
  /** Protobuf field number and type. */
  readonly pb?: { readonly n: number; readonly t: string }
}

/** A type of the API, by its full name `io.k8s.api.core.v1.Pod`. */
export interface TypeSchema {
  readonly fields: Readonly<Record<string, FieldSchema>>
  readonly required?: readonly string[]
  readonly gvk?: readonly (readonly [group: string, version: string, kind: string])[]
  readonly type?: string
  readonly format?: string
  readonly oneOf?: readonly string[]
  readonly mapType?: string
  readonly unions?: unknown
  /** What the API documents say of this type instead of its fields: the schema of a custom resource. */
  readonly published?: Readonly<Record<string, unknown>>
  /** Exists on the protobuf wire alone. */
  readonly protobufOnly?: boolean
  /** Structs that JSON inlines. */
  readonly protobufOnlyFields?: Readonly<Record<string, { readonly n: number; readonly t: string }>>
}

/** Finds types by name. The api package offers the one of the built-in types. */
export type SchemaSource = (typeName: string) => TypeSchema | undefined
