import type { discoveryv1 } from "../generated/types/index.ts"

/** The label of an EndpointSlice that names its Service. */
export const serviceNameLabel = "kubernetes.io/service-name"

/** The `namespace/name` of the Service that a slice belongs to; undefined for a slice of none. */
export function serviceKeyOf(slice: discoveryv1.EndpointSlice): string | undefined {
  const name = slice.metadata.labels?.[serviceNameLabel]
  return name ? `${slice.metadata.namespace}/${name}` : undefined
}
