import { fieldError, isPathSegmentName, validateLabelSelector } from "@ladya/apimachinery"
import type * as rbacv1 from "../../../generated/types/rbacv1.ts"
import type { KindBehaviour } from "../../../kind.ts"
import { indexed } from "../../../validation/checks.ts"
import { validateRules } from "../rules.ts"

export const role: KindBehaviour<rbacv1.Role> = {
  validateName: isPathSegmentName,
  validate: ({ rules }) => validateRules(rules ?? [], { isNamespaced: true }),
}

export const clusterRole: KindBehaviour<rbacv1.ClusterRole> = {
  validateName: isPathSegmentName,
  validate({ rules, aggregationRule }) {
    const errors = validateRules(rules ?? [], { isNamespaced: false })
    if (!aggregationRule) return errors
    const path = "aggregationRule.clusterRoleSelectors"
    const selectors = aggregationRule.clusterRoleSelectors ?? []
    if (selectors.length === 0) {
      errors.push(fieldError.required(path, "at least one clusterRoleSelector required if aggregationRule is non-nil"))
    }
    for (const [selector, at] of indexed(path, selectors)) errors.push(...validateLabelSelector(selector, at))
    return errors
  },
}
