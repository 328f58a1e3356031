import type { admissionregistrationv1 } from "@ladya/api"
import { type CompiledCondition, compileConditions } from "../expressions/conditions.ts"

export type Webhook = admissionregistrationv1.MutatingWebhook | admissionregistrationv1.ValidatingWebhook
type Configuration =
  | admissionregistrationv1.MutatingWebhookConfiguration
  | admissionregistrationv1.ValidatingWebhookConfiguration

/** One webhook of a configuration. */
export interface Hook {
  /** Unique among those of its kind. */
  readonly uid: string
  readonly configuration: string
  readonly webhook: Webhook
  readonly conditions: readonly CompiledCondition[]
}

/** The webhooks of a configuration, in its order. */
export function hooksOf({ metadata, webhooks }: Configuration): readonly Hook[] {
  const configuration = metadata.name ?? ""
  const seen = new Map<string, number>()
  return (webhooks ?? []).map((webhook): Hook => {
    const number = seen.get(webhook.name) ?? 0
    seen.set(webhook.name, number + 1)
    return {
      uid: `${configuration}/${webhook.name}/${number}`,
      configuration,
      webhook,
      conditions: compileConditions(webhook.matchConditions, { hasAuthorizer: true }),
    }
  })
}
