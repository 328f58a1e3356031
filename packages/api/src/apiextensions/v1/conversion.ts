import { fieldError } from "@ladya/apimachinery"
import type * as apiextensionsv1 from "../../generated/types/apiextensionsv1.ts"
import { checkOneOf, type Errors } from "../../validation/checks.ts"
import { checkReviewVersions, checkWebhookClient } from "../../validation/webhook-client.ts"

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
  } else checkWebhookClient(errors, `${path}.webhookClientConfig`, webhook.clientConfig)
  checkReviewVersions(errors, `${path}.conversionReviewVersions`, webhook?.conversionReviewVersions ?? [])
}
