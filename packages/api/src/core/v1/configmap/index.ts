import { fieldError, isConfigMapKey, semanticEqual, utf8Length } from "@ladya/apimachinery"
import type * as corev1 from "../../../generated/types/corev1.ts"
import type { KindBehaviour } from "../../../kind.ts"
import { ageColumn, integer, nameColumn } from "../../../printing/columns.ts"
import { checkTexts, type Errors } from "../../../validation/checks.ts"

/** All data of a ConfigMap or Secret together, in bytes. */
export const maxDataBytes = 1024 * 1024

/** How many bytes a base64 text stands for. */
export function base64Length(text: string): number {
  return Math.floor((text.replace(/=+$/, "").length * 3) / 4)
}

/** What may not change once `immutable` is set. */
export function checkFrozen(
  errors: Errors,
  next: { immutable?: boolean },
  previous: { immutable?: boolean },
  fields: readonly string[],
): void {
  if (!previous.immutable) return
  const detail = "field is immutable when `immutable` is set"
  if (!next.immutable) errors.push(fieldError.forbidden("immutable", detail))
  for (const field of fields) {
    const same = semanticEqual((next as Record<string, unknown>)[field], (previous as Record<string, unknown>)[field])
    if (!same) errors.push(fieldError.forbidden(field, detail))
  }
}

export const configMap: KindBehaviour<corev1.ConfigMap> = {
  validate(next, previous) {
    const errors: Errors = []
    if (previous) checkFrozen(errors, next, previous, ["data", "binaryData"])
    let bytes = 0
    for (const [key, value] of Object.entries(next.data ?? {})) {
      checkTexts(errors, `data[${key}]`, key, isConfigMapKey(key))
      if (next.binaryData && Object.hasOwn(next.binaryData, key)) {
        errors.push(fieldError.invalid(`data[${key}]`, key, "duplicate of key present in binaryData"))
      }
      bytes += utf8Length(value)
    }
    for (const [key, value] of Object.entries(next.binaryData ?? {})) {
      checkTexts(errors, `binaryData[${key}]`, key, isConfigMapKey(key))
      bytes += base64Length(value)
    }
    if (bytes > maxDataBytes) errors.push(fieldError.tooLong("[]", maxDataBytes))
    return errors
  },
  columns: [
    nameColumn,
    integer("Data", ({ data, binaryData }) => Object.keys(data ?? {}).length + Object.keys(binaryData ?? {}).length),
    ageColumn,
  ],
}
