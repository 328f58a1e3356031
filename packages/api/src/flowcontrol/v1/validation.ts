import { fieldError } from "@ladya/apimachinery"
import type * as flowcontrolv1 from "../../generated/types/flowcontrolv1.ts"
import { checkRequired, type Errors } from "../../validation/checks.ts"

const maxQueues = 10_000_000
const maxEntropyBits = 60

const subjectFields = { Group: "group", ServiceAccount: "serviceAccount", User: "user" } as const

/** Whom a rule is about: the field of its kind, with a name, and no other. */
export function checkSubject(errors: Errors, path: string, subject: flowcontrolv1.Subject): void {
  const wanted = subjectFields[subject.kind as keyof typeof subjectFields]
  if (!wanted) {
    errors.push(fieldError.notSupported(`${path}.kind`, subject.kind ?? "", Object.keys(subjectFields)))
    return
  }
  const named = subject[wanted]
  const at = `${path}.${wanted}`
  if (!named) errors.push(fieldError.required(at, `${wanted} is required when subject kind is '${subject.kind}'`))
  else {
    checkRequired(errors, `${at}.name`, named.name)
    if (subject.kind === "ServiceAccount") {
      const detail = "must specify namespace for service account"
      checkRequired(errors, `${at}.namespace`, subject.serviceAccount?.namespace, detail)
    }
  }
  for (const [kind, field] of Object.entries(subjectFields)) {
    if (field === wanted || subject[field] === undefined) continue
    errors.push(fieldError.forbidden(`${path}.${field}`, `${field} is forbidden when subject kind is not '${kind}'`))
  }
}

function checkValues(errors: Errors, path: string, name: string, values: readonly string[] | undefined): void {
  if (!values?.length) errors.push(fieldError.required(path, `${name} must contain at least one value`))
  else if (values.length > 1 && values.includes("*")) {
    errors.push(fieldError.invalid(path, values, `if '*' is present, must not specify other ${name}`))
  }
}

export function checkResourceRule(errors: Errors, path: string, rule: flowcontrolv1.ResourcePolicyRule): void {
  checkValues(errors, `${path}.verbs`, "verbs", rule.verbs)
  checkValues(errors, `${path}.apiGroups`, "apiGroups", rule.apiGroups)
  checkValues(errors, `${path}.resources`, "resources", rule.resources)
  if (!rule.namespaces?.length && !rule.clusterScope) {
    const detail = "resource rules that are not cluster scoped must supply at least one namespace"
    errors.push(fieldError.required(`${path}.namespaces`, detail))
  }
}

export function checkNonResourceRule(errors: Errors, path: string, rule: flowcontrolv1.NonResourcePolicyRule): void {
  checkValues(errors, `${path}.verbs`, "verbs", rule.verbs)
  const at = `${path}.nonResourceURLs`
  if (!rule.nonResourceURLs?.length) {
    errors.push(fieldError.required(at, "nonResourceURLs must contain at least one value"))
  }
}

/** How many seats a level has, and what it lends. */
export function checkShares(errors: Errors, path: string, level: flowcontrolv1.ExemptPriorityLevelConfiguration): void {
  const { nominalConcurrencyShares: shares, lendablePercent: lent } = level
  if (shares !== undefined && shares < 0) {
    errors.push(fieldError.invalid(`${path}.nominalConcurrencyShares`, shares, "must be a non-negative integer"))
  }
  if (lent !== undefined && (lent < 0 || lent > 100)) {
    errors.push(fieldError.invalid(`${path}.lendablePercent`, lent, "must be between 0 and 100, inclusive"))
  }
}

// How many bits it takes to deal a hand of queues.
const entropyBits = (queues: number, handSize: number): number => Math.ceil(Math.log2(queues) * handSize)

/** Queues, and the hand of them that each flow is dealt. */
export function checkQueuing(errors: Errors, path: string, queuing: flowcontrolv1.QueuingConfiguration): void {
  const { queues = 0, handSize = 0, queueLengthLimit = 0 } = queuing
  if (queueLengthLimit <= 0) {
    errors.push(fieldError.invalid(`${path}.queueLengthLimit`, queueLengthLimit, "must be positive"))
  }
  if (queues <= 0) errors.push(fieldError.invalid(`${path}.queues`, queues, "must be positive"))
  else if (queues > maxQueues) {
    errors.push(fieldError.invalid(`${path}.queues`, queues, `must not be greater than ${maxQueues}`))
  }
  if (handSize <= 0) errors.push(fieldError.invalid(`${path}.handSize`, handSize, "must be positive"))
  else if (handSize > queues) {
    errors.push(fieldError.invalid(`${path}.handSize`, handSize, `should not be greater than queues (${queues})`))
  } else if (entropyBits(queues, handSize) > maxEntropyBits) {
    const detail = `required entropy bits of deckSize ${queues} and handSize ${handSize} should not be greater than ${maxEntropyBits}`
    errors.push(fieldError.invalid(`${path}.handSize`, handSize, detail))
  }
}
