import { fieldError, isDns1123Subdomain, semanticEqual, validateLabelSelector } from "@ladya/apimachinery"
import type * as admission from "../../generated/types/admissionregistrationv1.ts"
import type { KindBehaviour } from "../../kind.ts"
import { ageColumn, integer, nameColumn } from "../../printing/columns.ts"
import { generationStrategy } from "../../strategy.ts"
import { checkOneOf, checkSupported, type Errors, indexed } from "../../validation/checks.ts"
import { checkReviewVersions, checkWebhookClient, reviewVersions } from "../../validation/webhook-client.ts"
import { checkConditions } from "./conditions.ts"
import { checkRule } from "./rules.ts"

type Webhook = admission.MutatingWebhook | admission.ValidatingWebhook

function defaultWebhook(hook: Webhook): void {
  hook.failurePolicy ??= "Fail"
  hook.matchPolicy ??= "Equivalent"
  hook.namespaceSelector ??= {}
  hook.objectSelector ??= {}
  hook.timeoutSeconds ??= 10
  for (const rule of hook.rules ?? []) rule.scope ??= "*"
  if (hook.clientConfig?.service) hook.clientConfig.service.port ??= 443
}

function checkName(errors: Errors, path: string, name: string): void {
  if (name === "") {
    errors.push(fieldError.required(path))
    return
  }
  const wrong = isDns1123Subdomain(name)
  if (wrong.length > 0) errors.push(fieldError.invalid(path, name, wrong.join(",")))
  if (name.split(".").length < 3) {
    const detail = "should be a domain with at least three segments separated by dots"
    errors.push(fieldError.invalid(path, name, detail))
  }
}

function checkWebhook(errors: Errors, path: string, hook: Webhook, previous: readonly Webhook[] | undefined): void {
  const name = hook.name ?? ""
  checkName(errors, `${path}.name`, name)
  for (const [rule, at] of indexed(`${path}.rules`, hook.rules)) checkRule(errors, at, rule)
  checkSupported(errors, `${path}.failurePolicy`, hook.failurePolicy, ["Fail", "Ignore"])
  checkSupported(errors, `${path}.matchPolicy`, hook.matchPolicy, ["Equivalent", "Exact"])
  checkOneOf(
    errors,
    `${path}.sideEffects`,
    hook.sideEffects,
    ["None", "NoneOnDryRun"],
    "must specify one of None, NoneOnDryRun",
  )
  const seconds = hook.timeoutSeconds ?? 10
  if (seconds < 1 || seconds > 30) {
    errors.push(
      fieldError.invalid(`${path}.timeoutSeconds`, seconds, "the timeout value must be between 1 and 30 seconds"),
    )
  }
  checkReviewVersions(
    errors,
    `${path}.admissionReviewVersions`,
    hook.admissionReviewVersions ?? [],
    `must specify one of ${reviewVersions.join(", ")}`,
  )
  errors.push(...validateLabelSelector(hook.namespaceSelector, `${path}.namespaceSelector`))
  errors.push(...validateLabelSelector(hook.objectSelector, `${path}.objectSelector`))
  checkWebhookClient(errors, `${path}.clientConfig`, hook.clientConfig)
  // What was taken once stays good, should the language have changed since.
  const before = previous?.find(({ name: other }) => other === name)?.matchConditions
  if (!previous || !semanticEqual(hook.matchConditions ?? [], before ?? [])) {
    checkConditions(errors, `${path}.matchConditions`, hook.matchConditions, { hasAuthorizer: true })
  }
}

type Configuration = { webhooks?: readonly Webhook[] }

function validateWebhooks({ webhooks }: Configuration, previous: Configuration | undefined): Errors {
  const errors: Errors = []
  const names = new Set<string>()
  for (const [hook, at] of indexed("webhooks", webhooks)) {
    checkWebhook(errors, at, hook, previous && (previous.webhooks ?? []))
    if (names.has(hook.name)) errors.push(fieldError.duplicate(`${at}.name`, hook.name))
    names.add(hook.name)
  }
  return errors
}

export const mutatingWebhookConfiguration: KindBehaviour<admission.MutatingWebhookConfiguration> = {
  default(draft) {
    for (const hook of draft.webhooks ?? []) {
      defaultWebhook(hook)
      hook.reinvocationPolicy ??= "Never"
    }
  },
  ...generationStrategy(["webhooks"]),
  validate: validateWebhooks,
  columns: [nameColumn, integer("Webhooks", ({ webhooks }) => webhooks?.length ?? 0), ageColumn],
}

export const validatingWebhookConfiguration: KindBehaviour<admission.ValidatingWebhookConfiguration> = {
  default(draft) {
    for (const hook of draft.webhooks ?? []) defaultWebhook(hook)
  },
  ...generationStrategy(["webhooks"]),
  validate: validateWebhooks,
  columns: [nameColumn, integer("Webhooks", ({ webhooks }) => webhooks?.length ?? 0), ageColumn],
}
