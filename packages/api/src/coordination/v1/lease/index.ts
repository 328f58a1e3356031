import { fieldError } from "@ladya/apimachinery"
import type * as coordinationv1 from "../../../generated/types/coordinationv1.ts"
import type { KindBehaviour } from "../../../kind.ts"
import { ageColumn, nameColumn, text } from "../../../printing/columns.ts"
import { checkNonNegative, checkSupported, type Errors } from "../../../validation/checks.ts"

export const lease: KindBehaviour<coordinationv1.Lease> = {
  validate({ spec = {} }) {
    const errors: Errors = []
    const seconds = spec.leaseDurationSeconds
    if (seconds !== undefined && seconds <= 0) {
      errors.push(fieldError.invalid("spec.leaseDurationSeconds", seconds, "must be greater than 0"))
    }
    checkNonNegative(errors, "spec.leaseTransitions", spec.leaseTransitions)
    checkSupported(errors, "spec.strategy", spec.strategy, ["OldestEmulationVersion"])
    if (spec.preferredHolder && !spec.strategy) {
      errors.push(fieldError.forbidden("spec.preferredHolder", "may only be specified when strategy is set"))
    }
    return errors
  },
  columns: [nameColumn, text("Holder", ({ spec }) => spec?.holderIdentity ?? ""), ageColumn],
  allowCreateOnUpdate: true,
}
