import type { KubeObject } from "@ladya/apimachinery"
import { claimToV1, sliceToV1 } from "../conversions/resource-v1beta1.ts"
import type * as beta from "../generated/types/resourcev1beta1.ts"
import type { Column, KindBehaviour } from "../kind.ts"
import { resourceClaim, resourceClaimTemplate, resourceSlice } from "./v1/index.ts"

// The first versions: they are kept as v1, which defaults and validates them; here they are only printed.

function columnsOf<Old extends KubeObject, New extends KubeObject>(
  columns: readonly Column<New>[] | undefined,
  toV1: (object: Old) => New,
): Column<Old>[] {
  return (columns ?? []).map((column) => ({ ...column, cell: (object, now) => column.cell(toV1(object), now) }))
}

export const resourceClaimV1beta1: KindBehaviour<beta.ResourceClaim> = {
  columns: columnsOf(resourceClaim.columns, claimToV1),
}

export const resourceClaimTemplateV1beta1: KindBehaviour<beta.ResourceClaimTemplate> = {
  columns: columnsOf(resourceClaimTemplate.columns, (template: beta.ResourceClaimTemplate) => template as never),
}

export const resourceSliceV1beta1: KindBehaviour<beta.ResourceSlice> = {
  columns: columnsOf(resourceSlice.columns, sliceToV1),
}
