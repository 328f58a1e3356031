import { newStatusError, type StatusError } from "../status.ts"
import type { Managed } from "./entries.ts"
import { type FieldSet, membersOf } from "./field-set.ts"
import { pathText } from "./path-element.ts"

/** Fields that an applier wants to change and another manager owns. */
export interface Conflict {
  readonly owner: Managed
  readonly fields: FieldSet
}

const quote = (text: string): string => JSON.stringify(text)

function ownerText(owner: Managed): string {
  const place = owner.subresource ? ` with subresource ${quote(owner.subresource)}` : ""
  const version = owner.operation === "Update" ? ` using ${owner.apiVersion}` : ""
  return `${quote(owner.manager)}${place}${version}`
}

/** The 409 Status that names the owners and the fields. */
export function conflictError(conflicts: readonly Conflict[]): StatusError {
  const sorted = [...conflicts].sort((a, b) => (ownerText(a.owner) < ownerText(b.owner) ? -1 : 1))
  const named = sorted.map(({ owner, fields }) => ({
    owner: ownerText(owner),
    paths: [...membersOf(fields)].map(pathText),
  }))
  const causes = named.flatMap(({ owner, paths }) =>
    paths.map((field) => ({ reason: "FieldManagerConflict", message: `conflict with ${owner}`, field })),
  )
  const [only] = causes
  const message =
    causes.length === 1 && only
      ? `Apply failed with 1 conflict: ${only.message}: ${only.field}`
      : `Apply failed with ${causes.length} conflicts: ${named
          .flatMap(({ owner, paths }) => [`conflicts with ${owner}:`, ...paths.map((path) => `- ${path}`)])
          .join("\n")}`
  return newStatusError("Conflict", message, { causes })
}
