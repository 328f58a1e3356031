/** A field as the facts file describes it. */
export interface FieldFacts {
  type?: string
  ref?: string
  format?: string
  default?: unknown
  enum?: string[]
  items?: FieldFacts
  values?: FieldFacts
  listType?: string
  listMapKeys?: string[]
  mapType?: string
  patchStrategy?: string
  patchMergeKey?: string
  pb?: { n: number; t: string }
}

/** A type as the facts file describes it. */
export interface TypeFacts {
  fields: Record<string, FieldFacts>
  required?: string[]
  gvk?: [string, string, string][]
  type?: string
  format?: string
  oneOf?: string[]
  mapType?: string
  unions?: unknown
  protobufOnly?: boolean
  protobufOnlyFields?: Record<string, { n: number; t: string }>
}

export type Facts = Record<string, TypeFacts>

/** The aggregated discovery document (apidiscovery.k8s.io/v2 APIGroupDiscoveryList), as far as it is used. */
export interface AggregatedDiscovery {
  items: {
    metadata: { name?: string }
    versions: {
      version: string
      resources: {
        resource: string
        responseKind: { group: string; version: string; kind: string }
        scope: string
        singularResource: string
        shortNames?: string[]
        categories?: string[]
        verbs: string[]
        subresources?: {
          subresource: string
          responseKind: { group: string; version: string; kind: string }
          verbs: string[]
        }[]
      }[]
    }[]
  }[]
}

/** Splits `io.k8s.api.core.v1.Pod` into its package and its name. */
export function splitTypeName(name: string): { pkg: string; name: string } {
  const dot = name.lastIndexOf(".")
  return { pkg: name.slice(0, dot), name: name.slice(dot + 1) }
}
