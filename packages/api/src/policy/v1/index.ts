import { fieldError, validateLabelSelector } from "@ladya/apimachinery"
import type * as policyv1 from "../../generated/types/policyv1.ts"
import type { KindBehaviour } from "../../kind.ts"
import { ageColumn, integer, nameColumn, text } from "../../printing/columns.ts"
import { specStatusStrategy } from "../../strategy.ts"
import { checkNonNegative, checkSupported, type Errors } from "../../validation/checks.ts"
import { checkIntOrPercent, checkNotOver100 } from "../../validation/templates.ts"

export const podDisruptionBudget: KindBehaviour<policyv1.PodDisruptionBudget> = {
  default(draft) {
    draft.spec ??= {}
    draft.status ??= {}
  },
  ...specStatusStrategy(),
  validate({ spec = {} }) {
    const errors: Errors = []
    if (spec.minAvailable !== undefined && spec.maxUnavailable !== undefined) {
      errors.push(fieldError.invalid("spec", spec, "minAvailable and maxUnavailable cannot be both set"))
    }
    for (const field of ["minAvailable", "maxUnavailable"] as const) {
      checkIntOrPercent(errors, `spec.${field}`, spec[field])
      checkNotOver100(errors, `spec.${field}`, spec[field])
    }
    errors.push(...validateLabelSelector(spec.selector, "spec.selector"))
    const policies = ["AlwaysAllow", "IfHealthyBudget"]
    checkSupported(errors, "spec.unhealthyPodEvictionPolicy", spec.unhealthyPodEvictionPolicy, policies)
    return errors
  },
  validateStatus({ status = {} }) {
    const errors: Errors = []
    for (const field of ["disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods"] as const) {
      checkNonNegative(errors, `status.${field}`, status[field])
    }
    return errors
  },
  columns: [
    nameColumn,
    text("Min Available", ({ spec }) => String(spec?.minAvailable ?? "N/A")),
    text("Max Unavailable", ({ spec }) => String(spec?.maxUnavailable ?? "N/A")),
    integer("Allowed Disruptions", ({ status }) => status?.disruptionsAllowed ?? 0),
    ageColumn,
  ],
}
