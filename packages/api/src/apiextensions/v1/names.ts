import { fieldError, isDns1035Label } from "@ladya/apimachinery"
import type * as apiextensionsv1 from "../../generated/types/apiextensionsv1.ts"
import { checkRequired, checkTexts, type Errors, indexed } from "../../validation/checks.ts"

/** The names that a definition asks for. */
export function checkNames(errors: Errors, spec: apiextensionsv1.CustomResourceDefinitionSpec): void {
  const { plural = "", singular = "", kind = "", listKind = "", shortNames, categories } = spec.names ?? {}
  for (const [field, value] of [
    ["plural", plural],
    ["singular", singular],
  ] as const) {
    if (checkRequired(errors, `spec.names.${field}`, value)) {
      checkTexts(errors, `spec.names.${field}`, value, isDns1035Label(value))
    }
  }
  for (const [field, value] of [
    ["kind", kind],
    ["listKind", listKind],
  ] as const) {
    if (!checkRequired(errors, `spec.names.${field}`, value)) continue
    const messages = isDns1035Label(value.toLowerCase())
    if (messages.length === 0) continue
    const detail = `may have mixed case, but should otherwise match: ${messages.join(",")}`
    errors.push(fieldError.invalid(`spec.names.${field}`, value, detail))
  }
  if (kind && kind === listKind) {
    errors.push(fieldError.invalid("spec.names.listKind", listKind, "kind and listKind may not be the same"))
  }
  for (const [name, at] of indexed("spec.names.shortNames", shortNames)) {
    checkTexts(errors, at, name, isDns1035Label(name))
  }
  for (const [name, at] of indexed("spec.names.categories", categories)) {
    checkTexts(errors, at, name, isDns1035Label(name))
  }
}
