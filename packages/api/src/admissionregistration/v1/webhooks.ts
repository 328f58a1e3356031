import { fieldError, isFullyQualifiedDomainName, semanticEqual, validateLabelSelector } from "@ladya/apimachinery"
import type * as admission from "../../generated/types/admissionregistrationv1.ts"
import type { KindBehaviour } from "../../kind.ts"
import { ageColumn, integer, nameColumn } from "../../printing/columns.ts"
import { bumpGeneration, startGeneration } from "../../strategy.ts"
import { checkOneOf, checkRequired, checkSupported, checkTexts, type Errors, indexed } from "../../validation/checks.ts"
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

function checkClient(errors: Errors, path: string, config: admission.WebhookClientConfig | undefined): void {
  const { url, service } = config ?? {}
  if ((url === undefined) === (service === undefined)) {
    errors.push(fieldError.required(path, "exactly one of url or service is required"))
    return
  }
  if (service) {
    checkRequired(errors, `${path}.service.name`, service.name, "service name is required")
    checkRequired(errors, `${path}.service.namespace`, service.namespace, "service namespace is required")
    if (service.path !== undefined && !service.path.startsWith("/")) {
      errors.push(fieldError.invalid(`${path}.service.path`, service.path, "must start with a '/'"))
    }
    return
  }
  if (!/^https:\/\/[^/?#]+/.test(url ?? "")) {
    errors.push(
      fieldError.invalid(
        `${path}.url`,
        url,
        "'https' is the only allowed URL scheme; desired format: https://host[/path]",
      ),
    )
  }
}

function checkWebhook(errors: Errors, path: string, hook: Webhook, previous: readonly Webhook[] | undefined): void {
  const name = hook.name ?? ""
  const messages = isFullyQualifiedDomainName(name)
  if (messages.length === 0 && name.split(".").length < 3) {
    messages.push("should be a domain with at least three segments separated by dots")
  }
  checkTexts(errors, `${path}.name`, name, messages)
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
  const versions = hook.admissionReviewVersions ?? []
  if (versions.length === 0) {
    errors.push(fieldError.required(`${path}.admissionReviewVersions`, "must specify one of v1, v1beta1"))
  } else if (!versions.some((version) => version === "v1" || version === "v1beta1")) {
    errors.push(
      fieldError.invalid(`${path}.admissionReviewVersions`, versions, "must include at least one of v1, v1beta1"),
    )
  }
  errors.push(...validateLabelSelector(hook.namespaceSelector, `${path}.namespaceSelector`))
  errors.push(...validateLabelSelector(hook.objectSelector, `${path}.objectSelector`))
  checkClient(errors, `${path}.clientConfig`, hook.clientConfig)
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
  prepareForCreate: startGeneration,
  prepareForUpdate: (draft, previous) => bumpGeneration(draft, previous, ["webhooks"]),
  validate: validateWebhooks,
  columns: [nameColumn, integer("Webhooks", ({ webhooks }) => webhooks?.length ?? 0), ageColumn],
}

export const validatingWebhookConfiguration: KindBehaviour<admission.ValidatingWebhookConfiguration> = {
  default(draft) {
    for (const hook of draft.webhooks ?? []) defaultWebhook(hook)
  },
  prepareForCreate: startGeneration,
  prepareForUpdate: (draft, previous) => bumpGeneration(draft, previous, ["webhooks"]),
  validate: validateWebhooks,
  columns: [nameColumn, integer("Webhooks", ({ webhooks }) => webhooks?.length ?? 0), ageColumn],
}
