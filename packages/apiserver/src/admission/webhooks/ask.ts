import type { KindDefinition } from "@ladya/api"
import { newStatusError, StatusError, statusError } from "@ladya/apimachinery"
import { type Clock, errorMessage, type Logger } from "@ladya/util"
import type { WebhookCaller } from "../../webhooks/caller.ts"
import type { AdmissionAttributes } from "../admission.ts"
import { objectsAs, type ShownObjects } from "../dynamic/versions.ts"
import { CallingWebhookError, deniedBy } from "./errors.ts"
import type { Hook } from "./hooks.ts"
import type { Asking, WebhookMetrics } from "./metrics.ts"
import { newReview, readAnswer, reviewVersion, type Verdict } from "./review.ts"

const defaultTimeoutSeconds = 10

export interface AskDeps {
  webhooks: WebhookCaller
  log: Logger
  clock: Clock
  webhookMetrics: WebhookMetrics
}

/** A webhook's consent: what it was shown, and what it says. */
export interface Consent {
  shown: ShownObjects
  verdict: Verdict
}

/**
 * Asks one webhook. Undefined when it could not be asked and that is to be ignored. Throws the Status of a denial, and
 * a 500 Status when it could not be asked and has to be.
 */
export async function ask(
  deps: AskDeps,
  attributes: AdmissionAttributes,
  hook: Hook,
  shownAs: KindDefinition,
  options: { isMutating: boolean },
): Promise<Consent | undefined> {
  const { webhook } = hook
  const start = deps.clock.monotonic()
  const record = (outcome: Asking["outcome"], code: number): void => {
    const { operation } = attributes
    const seconds = (deps.clock.monotonic() - start) / 1000
    deps.webhookMetrics.record({ webhook: webhook.name, operation, ...options, seconds, outcome, code })
  }
  try {
    const consent = await call(deps, attributes, hook, shownAs, options.isMutating)
    const { verdict } = consent
    for (const [key, value] of Object.entries(verdict.auditAnnotations)) {
      attributes.annotate(`${webhook.name}/${key}`, value)
    }
    attributes.warnings.push(...verdict.warnings)
    if (!verdict.allowed) throw deniedBy(webhook.name, verdict.status)
    record("admitted", 200)
    return consent
  } catch (error) {
    if (!(error instanceof CallingWebhookError)) {
      if (error instanceof StatusError) record("denied", error.code)
      throw error
    }
    const isIgnored = webhook.failurePolicy === "Ignore"
    record(isIgnored ? "ignored" : "failed", 500)
    if (!isIgnored) throw statusError.internal(error.message)
    if (attributes.signal.aborted) {
      throw newStatusError("Timeout", "Timeout: request did not complete within requested timeout")
    }
    deps.log.warn("webhook failed, which its policy ignores", { webhook: webhook.name, reason: error.message })
    return undefined
  }
}

async function call(
  deps: AskDeps,
  attributes: AdmissionAttributes,
  { webhook }: Hook,
  shownAs: KindDefinition,
  isMutating: boolean,
): Promise<Consent> {
  if (attributes.dryRun && webhook.sideEffects !== "None" && webhook.sideEffects !== "NoneOnDryRun") {
    throw statusError.badRequest(`admission webhook ${JSON.stringify(webhook.name)} does not support dry run`)
  }
  const version = reviewVersion(webhook.admissionReviewVersions)
  if (!version) {
    throw new CallingWebhookError(
      webhook.name,
      "could not create admission objects: webhook does not accept known AdmissionReview versions (v1, v1beta1)",
    )
  }
  const shown = await objectsAs(attributes, shownAs)
  const { uid, body } = newReview(version, attributes, shownAs, shown)
  let answered: unknown
  try {
    answered = await deps.webhooks.call(webhook.clientConfig, body, {
      timeoutMs: (webhook.timeoutSeconds ?? defaultTimeoutSeconds) * 1000,
      signal: attributes.signal,
    })
  } catch (error) {
    throw new CallingWebhookError(webhook.name, `failed to call webhook: ${errorMessage(error)}`)
  }
  try {
    return { shown, verdict: readAnswer(version, uid, isMutating, answered) }
  } catch (error) {
    throw new CallingWebhookError(webhook.name, `received invalid webhook response: ${errorMessage(error)}`)
  }
}
