import { fieldError, isPathSegmentName, validateLabelSelector } from "@ladya/apimachinery"
import type { MatchResources } from "../../generated/types/admissionregistrationv1.ts"
import { checkOneOf, checkTexts, type Errors, indexed } from "../../validation/checks.ts"
import { checkRule } from "./rules.ts"

export function defaultMatchResources(match: MatchResources | undefined): void {
  if (!match) return
  match.matchPolicy ??= "Equivalent"
  match.namespaceSelector ??= {}
  match.objectSelector ??= {}
  for (const rule of [...(match.resourceRules ?? []), ...(match.excludeResourceRules ?? [])]) rule.scope ??= "*"
}

/** Which requests a policy or a binding is about. */
export function checkMatchResources(errors: Errors, path: string, match: MatchResources | undefined): void {
  if (!match) return
  checkOneOf(errors, `${path}.matchPolicy`, match.matchPolicy, ["Equivalent", "Exact"])
  for (const selector of ["namespaceSelector", "objectSelector"] as const) {
    if (!match[selector]) errors.push(fieldError.required(`${path}.${selector}`))
    errors.push(...validateLabelSelector(match[selector], `${path}.${selector}`))
  }
  for (const list of ["resourceRules", "excludeResourceRules"] as const) {
    for (const [rule, at] of indexed(`${path}.${list}`, match[list])) {
      const names = new Set<string>()
      for (const [name, nameAt] of indexed(`${at}.resourceNames`, rule.resourceNames)) {
        checkTexts(errors, nameAt, name, isPathSegmentName(name))
        if (names.has(name)) errors.push(fieldError.duplicate(nameAt, name))
        names.add(name)
      }
      checkRule(errors, at, rule)
    }
  }
}
