import { fieldError } from "@ladya/apimachinery"
import type * as flowcontrolv1 from "../../generated/types/flowcontrolv1.ts"
import type { KindBehaviour } from "../../kind.ts"
import { ageColumn, integer, nameColumn, text } from "../../printing/columns.ts"
import { specStatusStrategy } from "../../strategy.ts"
import { checkOneOf, checkRequired, type Errors, indexed } from "../../validation/checks.ts"
import { checkNonResourceRule, checkQueuing, checkResourceRule, checkShares, checkSubject } from "./validation.ts"

export const flowSchema: KindBehaviour<flowcontrolv1.FlowSchema> = {
  default(draft) {
    if (draft.spec) draft.spec.matchingPrecedence ||= 1000
    draft.status ??= {}
  },
  ...specStatusStrategy(),
  validate({ spec }) {
    const errors: Errors = []
    const precedence = spec?.matchingPrecedence ?? 1000
    if (precedence <= 0) {
      errors.push(fieldError.invalid("spec.matchingPrecedence", precedence, "must be a positive value"))
    }
    if (precedence > 10_000) {
      const detail = "must not be greater than 10000"
      errors.push(fieldError.invalid("spec.matchingPrecedence", precedence, detail))
    }
    const name = spec?.priorityLevelConfiguration?.name
    checkRequired(errors, "spec.priorityLevelConfiguration.name", name, "must reference a priority level")
    for (const [rule, at] of indexed("spec.rules", spec?.rules)) {
      if (!rule.subjects?.length)
        errors.push(fieldError.required(`${at}.subjects`, "subjects must contain at least one value"))
      if (!rule.resourceRules?.length && !rule.nonResourceRules?.length) {
        errors.push(fieldError.required(at, "at least one of resourceRules and nonResourceRules has to be non-empty"))
      }
      for (const [subject, subjectAt] of indexed(`${at}.subjects`, rule.subjects)) {
        checkSubject(errors, subjectAt, subject)
      }
      for (const [one, oneAt] of indexed(`${at}.resourceRules`, rule.resourceRules))
        checkResourceRule(errors, oneAt, one)
      for (const [one, oneAt] of indexed(`${at}.nonResourceRules`, rule.nonResourceRules)) {
        checkNonResourceRule(errors, oneAt, one)
      }
    }
    return errors
  },
  columns: [
    nameColumn,
    text("PriorityLevel", ({ spec }) => spec?.priorityLevelConfiguration?.name ?? ""),
    integer("MatchingPrecedence", ({ spec }) => spec?.matchingPrecedence ?? 0),
    text("DistinguisherMethod", ({ spec }) => spec?.distinguisherMethod?.type ?? "<none>"),
    ageColumn,
    text("MissingPL", ({ status }) => status?.conditions?.find(({ type }) => type === "Dangling")?.status ?? "?"),
  ],
}

export const priorityLevelConfiguration: KindBehaviour<flowcontrolv1.PriorityLevelConfiguration> = {
  default(draft) {
    const { spec } = draft
    if (spec?.limited) {
      spec.limited.nominalConcurrencyShares ??= 30
      spec.limited.lendablePercent ??= 0
      const queuing = spec.limited.limitResponse?.queuing
      if (queuing) {
        queuing.handSize ||= 8
        queuing.queues ||= 64
        queuing.queueLengthLimit ||= 50
      }
    }
    if (spec?.type === "Exempt") {
      spec.exempt ??= {}
      spec.exempt.nominalConcurrencyShares ??= 0
      spec.exempt.lendablePercent ??= 0
    }
    draft.status ??= {}
  },
  ...specStatusStrategy(),
  validate({ spec }) {
    const errors: Errors = []
    checkOneOf(errors, "spec.type", spec?.type, ["Exempt", "Limited"])
    if (spec?.type === "Exempt" && spec.limited) {
      errors.push(fieldError.forbidden("spec.limited", "must be nil if the type is not Limited"))
    }
    if (spec?.exempt) checkShares(errors, "spec.exempt", spec.exempt)
    if (spec?.type !== "Limited") return errors
    if (spec.exempt) errors.push(fieldError.forbidden("spec.exempt", "must be nil if the type is Limited"))
    if (!spec.limited) {
      errors.push(fieldError.required("spec.limited", "must not be empty when type is Limited"))
      return errors
    }
    checkShares(errors, "spec.limited", spec.limited)
    const response = spec.limited.limitResponse
    const path = "spec.limited.limitResponse"
    checkOneOf(errors, `${path}.type`, response?.type, ["Queue", "Reject"])
    if (response?.type === "Queue" && !response.queuing) {
      errors.push(fieldError.required(`${path}.queuing`, "must not be empty if limitResponse.type is Limited"))
    }
    if (response?.type === "Queue" && response.queuing) checkQueuing(errors, `${path}.queuing`, response.queuing)
    if (response?.type === "Reject" && response.queuing) {
      errors.push(fieldError.forbidden(`${path}.queuing`, "must be nil if limited.limitResponse.type is not Limited"))
    }
    return errors
  },
  columns: [
    nameColumn,
    text("Type", ({ spec }) => spec?.type ?? ""),
    text("NominalConcurrencyShares", ({ spec }) =>
      String((spec?.limited ?? spec?.exempt)?.nominalConcurrencyShares ?? "<none>"),
    ),
    text("Queues", ({ spec }) => String(spec?.limited?.limitResponse?.queuing?.queues ?? "<none>")),
    text("HandSize", ({ spec }) => String(spec?.limited?.limitResponse?.queuing?.handSize ?? "<none>")),
    text("QueueLengthLimit", ({ spec }) => String(spec?.limited?.limitResponse?.queuing?.queueLengthLimit ?? "<none>")),
    ageColumn,
  ],
}
