import { type FieldError, fieldError } from "@ladya/apimachinery"
import type * as rbacv1 from "../../generated/types/rbacv1.ts"
import { indexed } from "../../validation/checks.ts"

/** Every wrong field of the rules of a role. */
export function validateRules(rules: readonly rbacv1.PolicyRule[], options: { isNamespaced: boolean }): FieldError[] {
  const errors: FieldError[] = []
  for (const [rule, at] of indexed("rules", rules)) {
    const { verbs = [], apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] } = rule
    if (verbs.length === 0) errors.push(fieldError.required(`${at}.verbs`, "verbs must contain at least one value"))
    if (nonResourceURLs.length > 0) {
      const path = `${at}.nonResourceURLs`
      if (options.isNamespaced) {
        errors.push(fieldError.invalid(path, nonResourceURLs, "namespaced rules cannot apply to non-resource URLs"))
      }
      if (apiGroups.length > 0 || resources.length > 0 || resourceNames.length > 0) {
        const detail = "rules cannot apply to both regular resources and non-resource URLs"
        errors.push(fieldError.invalid(path, nonResourceURLs, detail))
      }
      continue
    }
    if (apiGroups.length === 0) {
      errors.push(fieldError.required(`${at}.apiGroups`, "resource rules must supply at least one api group"))
    }
    if (resources.length === 0) {
      errors.push(fieldError.required(`${at}.resources`, "resource rules must supply at least one resource"))
    }
  }
  return errors
}
