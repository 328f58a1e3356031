import { fieldError, isFullyQualifiedDomainName, validateLabelSelector } from "@ladya/apimachinery"
import type * as admission from "../../generated/types/admissionregistrationv1.ts"
import type { KindBehaviour } from "../../kind.ts"
import { ageColumn, integer, nameColumn } from "../../printing/columns.ts"
import { bumpGeneration, startGeneration } from "../../strategy.ts"
import { checkOneOf, checkRequired, checkSupported, checkTexts, type Errors, indexed } from "../../validation/checks.ts"

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

function checkRule(errors: Errors, path: string, rule: admission.RuleWithOperations): void {
  const operations = ["*", "CONNECT", "CREATE", "DELETE", "UPDATE"]
  if (!rule.operations?.length) errors.push(fieldError.required(`${path}.operations`))
  for (const [operation, at] of indexed(`${path}.operations`, rule.operations)) {
    checkSupported(errors, at, operation, operations)
  }
  for (const list of ["apiGroups", "apiVersions", "resources"] as const) {
    const values = rule[list] ?? []
    if (values.length === 0) errors.push(fieldError.required(`${path}.${list}`))
    if (values.length > 1 && values.includes("*") && list !== "resources") {
      errors.push(
        fieldError.invalid(
          `${path}.${list}`,
          values,
          `if '*' is present, must not specify other ${list === "apiGroups" ? "API groups" : "API versions"}`,
        ),
      )
    }
  }
  checkSupported(errors, `${path}.scope`, rule.scope, ["*", "Cluster", "Namespaced"])
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

function checkWebhook(errors: Errors, path: string, hook: Webhook): void {
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
}

function validateWebhooks({ webhooks }: { webhooks?: readonly Webhook[] }): Errors {
  const errors: Errors = []
  const names = new Set<string>()
  for (const [hook, at] of indexed("webhooks", webhooks)) {
    checkWebhook(errors, at, hook)
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
  validate: (next) => validateWebhooks(next),
  columns: [nameColumn, integer("Webhooks", ({ webhooks }) => webhooks?.length ?? 0), ageColumn],
}

export const validatingWebhookConfiguration: KindBehaviour<admission.ValidatingWebhookConfiguration> = {
  default(draft) {
    for (const hook of draft.webhooks ?? []) defaultWebhook(hook)
  },
  prepareForCreate: startGeneration,
  prepareForUpdate: (draft, previous) => bumpGeneration(draft, previous, ["webhooks"]),
  validate: (next) => validateWebhooks(next),
  columns: [nameColumn, integer("Webhooks", ({ webhooks }) => webhooks?.length ?? 0), ageColumn],
}

/** Policies in CEL: specs whose changes count. */
export const admissionPolicy: KindBehaviour<admission.ValidatingAdmissionPolicy> = {
  default(draft) {
    draft.spec ??= {}
    draft.spec.failurePolicy ??= "Fail"
    const match = draft.spec.matchConstraints
    if (match) {
      match.matchPolicy ??= "Equivalent"
      match.namespaceSelector ??= {}
      match.objectSelector ??= {}
      for (const rule of [...(match.resourceRules ?? []), ...(match.excludeResourceRules ?? [])]) rule.scope ??= "*"
    }
  },
  prepareForCreate(draft) {
    delete draft.status
    startGeneration(draft)
  },
  prepareForUpdate(draft, previous) {
    if (previous.status) draft.status = previous.status
    else delete draft.status
    bumpGeneration(draft, previous)
  },
}

export const admissionPolicyBinding: KindBehaviour<admission.ValidatingAdmissionPolicyBinding> = {
  prepareForCreate: startGeneration,
  prepareForUpdate: (draft, previous) => bumpGeneration(draft, previous),
  validate({ spec }) {
    const errors: Errors = []
    checkRequired(errors, "spec.policyName", spec?.policyName)
    return errors
  },
}
