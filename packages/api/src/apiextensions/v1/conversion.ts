import { fieldError, isDns1035Label } from "@ladya/apimachinery"
import type * as apiextensionsv1 from "../../generated/types/apiextensionsv1.ts"
import { checkOneOf, checkRequired, checkTexts, type Errors, indexed } from "../../validation/checks.ts"

const known = ["v1", "v1beta1"]

/** How objects are converted between versions. */
export function checkConversion(errors: Errors, spec: apiextensionsv1.CustomResourceDefinitionSpec): void {
  const path = "spec.conversion"
  const { strategy, webhook } = spec.conversion ?? { strategy: "None" }
  checkOneOf(errors, `${path}.strategy`, strategy, ["None", "Webhook"])
  if (strategy !== "Webhook") {
    if (webhook) {
      const detail = "should not be set when strategy is not set to Webhook"
      errors.push(fieldError.forbidden(`${path}.webhook`, detail))
    }
    return
  }
  if (!webhook?.clientConfig) {
    errors.push(fieldError.required(`${path}.webhookClientConfig`, "required when strategy is set to Webhook"))
  } else checkClientConfig(errors, webhook.clientConfig, `${path}.webhookClientConfig`)
  checkReviewVersions(errors, webhook?.conversionReviewVersions ?? [], `${path}.conversionReviewVersions`)
}

function checkReviewVersions(errors: Errors, versions: readonly string[], path: string): void {
  if (versions.length === 0) {
    errors.push(fieldError.required(path, ""))
    return
  }
  const seen = new Set<string>()
  for (const [version, at] of indexed(path, versions)) {
    if (seen.has(version)) errors.push(fieldError.invalid(at, version, "duplicate version"))
    seen.add(version)
    checkTexts(errors, at, version, isDns1035Label(version))
  }
  if (!versions.some((version) => known.includes(version))) {
    const detail = `must include at least one of ${known.join(", ")}`
    errors.push(fieldError.invalid(path, versions, detail))
  }
}

function checkClientConfig(errors: Errors, config: apiextensionsv1.WebhookClientConfig, path: string): void {
  const { url, service } = config
  if ((url === undefined) === (service === undefined)) {
    errors.push(fieldError.required(path, "exactly one of url or service is required"))
    return
  }
  if (url !== undefined) checkUrl(errors, url, `${path}.url`)
  if (!service) return
  checkRequired(errors, `${path}.service.name`, service.name, "service name is required")
  checkRequired(errors, `${path}.service.namespace`, service.namespace, "service namespace is required")
  const { port = 443, path: urlPath } = service
  if (port < 1 || port > 65535) {
    const detail = "port is not valid: must be between 1 and 65535, inclusive"
    errors.push(fieldError.invalid(`${path}.service.port`, port, detail))
  }
  if (urlPath !== undefined && !urlPath.startsWith("/")) {
    errors.push(fieldError.invalid(`${path}.service.path`, urlPath, "must start with a '/'"))
  }
}

function checkUrl(errors: Errors, url: string, path: string): void {
  const wrong = (detail: string): void => {
    errors.push(fieldError.invalid(path, url, detail))
  }
  const form = "; desired format: https://host[/path]"
  const parsed = URL.parse(url)
  if (!parsed) {
    wrong(`url must be a valid URL: invalid URI${form}`)
    return
  }
  if (parsed.protocol !== "https:") wrong(`'https' is the only allowed URL scheme${form}`)
  if (!parsed.host) wrong(`host must be specified${form}`)
  if (parsed.username || parsed.password) wrong("user information is not permitted in the URL")
  if (parsed.hash) wrong("fragments are not permitted in the URL")
  if (parsed.search) wrong("query parameters are not permitted in the URL")
}
