import { fieldError } from "@ladya/apimachinery"
import type * as schedulingv1 from "../../generated/types/schedulingv1.ts"
import type { KindBehaviour } from "../../kind.ts"
import { ageColumn, integer, nameColumn, text } from "../../printing/columns.ts"
import { checkImmutable, checkSupported, type Errors } from "../../validation/checks.ts"

/** The classes that every cluster has, with their values. */
export const systemPriorityClasses: Readonly<Record<string, number>> = {
  "system-node-critical": 2_000_001_000,
  "system-cluster-critical": 2_000_000_000,
}

const highestUserPriority = 1_000_000_000

export const priorityClass: KindBehaviour<schedulingv1.PriorityClass> = {
  default(draft) {
    draft.value ??= 0
    draft.preemptionPolicy ??= "PreemptLowerPriority"
  },
  validate(next, previous) {
    const errors: Errors = []
    const { name = "" } = next.metadata
    if (name.startsWith("system-")) {
      if (systemPriorityClasses[name] !== next.value) {
        const detail = "priority class names with 'system-' prefix are reserved for system use only. error: "
        const why = Object.hasOwn(systemPriorityClasses, name)
          ? `value of ${name} PriorityClass must be ${systemPriorityClasses[name]}`
          : `${name} is not a known system priority class`
        errors.push(fieldError.forbidden("metadata.name", detail + why))
      }
    } else if ((next.value ?? 0) > highestUserPriority) {
      const detail = `maximum allowed value of a user defined priority is ${highestUserPriority}`
      errors.push(fieldError.forbidden("value", detail))
    }
    checkSupported(errors, "preemptionPolicy", next.preemptionPolicy, ["Never", "PreemptLowerPriority"])
    if (previous) {
      if ((previous.value ?? 0) !== (next.value ?? 0)) {
        errors.push(fieldError.forbidden("value", "may not be changed in an update."))
      }
      checkImmutable(errors, "preemptionPolicy", next.preemptionPolicy, previous.preemptionPolicy)
    }
    return errors
  },
  prepareForCreate(draft) {
    draft.metadata.generation = 1
  },
  columns: [
    nameColumn,
    integer("Value", ({ value }) => value ?? 0),
    text("Global-Default", ({ globalDefault }) => String(globalDefault ?? false)),
    ageColumn,
    text("PreemptionPolicy", ({ preemptionPolicy }) => preemptionPolicy ?? ""),
  ],
}
