import type { admissionregistrationv1, KindDefinition } from "@ladya/api"
import { applyJsonPatch, type KubeObject, StatusError, statusError } from "@ladya/apimachinery"
import { errorMessage } from "@ladya/util"
import type { AdmissionAttributes, AdmissionPlugin } from "../admission.ts"
import { isConfiguration, isInnerStep } from "../dynamic/exempt.ts"
import { LiveList } from "../dynamic/live-list.ts"
import { ReinvocationMemory } from "../dynamic/reinvocation.ts"
import { takeOver } from "../dynamic/versions.ts"
import { ask, type Consent } from "./ask.ts"
import { meetsConditions } from "./conditions.ts"
import { CallingWebhookError } from "./errors.ts"
import { type Hook, hooksOf } from "./hooks.ts"
import { matchHook } from "./match.ts"
import type { WebhookPluginDeps } from "./validating.ts"

/** Asks the webhooks of MutatingWebhookConfigurations one after the other, each about what those before it made. */
export class MutatingAdmissionWebhook implements AdmissionPlugin {
  readonly name = "MutatingAdmissionWebhook"
  readonly #deps: WebhookPluginDeps
  readonly #hooks: LiveList<admissionregistrationv1.MutatingWebhookConfiguration, readonly Hook[]>

  constructor(deps: WebhookPluginDeps) {
    this.#deps = deps
    const group = "admissionregistration.k8s.io"
    this.#hooks = new LiveList(deps.resources.storage(group, "mutatingwebhookconfigurations"), hooksOf)
  }

  handles(attributes: AdmissionAttributes): boolean {
    return !this.#hooks.isEmpty() && !isConfiguration(attributes) && !isInnerStep(attributes)
  }

  async mutate(attributes: AdmissionAttributes): Promise<void> {
    const memory = new ReinvocationMemory(this.name, attributes)
    memory.begin()
    const hooks = (await this.#hooks.all()).flat()
    for (const [index, hook] of hooks.entries()) {
      if (memory.isDue(hook.uid)) await this.#ask(attributes, hook, index, memory)
    }
    memory.end()
  }

  async #ask(attributes: AdmissionAttributes, hook: Hook, index: number, memory: ReinvocationMemory): Promise<void> {
    const deps = this.#deps
    const shownAs = await matchHook(deps.resources, attributes, hook)
    if (!shownAs || !(await meetsConditions(deps.authorizer, attributes, hook, shownAs))) return
    const consent = await ask(deps, attributes, hook, shownAs, { isMutating: true })
    const isChanged = consent !== undefined && (await apply(attributes, hook, shownAs, consent))
    const { webhook, configuration } = hook
    const round = attributes.reinvocation.isSecond ? 1 : 0
    attributes.annotate(
      `mutation.webhook.admission.k8s.io/round_${round}_index_${index}`,
      JSON.stringify({ configuration, webhook: webhook.name, mutated: isChanged }),
    )
    const mayRepeat = "reinvocationPolicy" in webhook && webhook.reinvocationPolicy === "IfNeeded"
    memory.done(hook.uid, { isChanged, mayRepeat })
  }
}

/** Carries a webhook's patch out. Throws a 500 Status for one that cannot be. */
async function apply(
  attributes: AdmissionAttributes,
  hook: Hook,
  shownAs: KindDefinition,
  consent: Consent,
): Promise<boolean> {
  const { name } = hook.webhook
  const { patch, patchType } = consent.verdict
  if (patch === undefined) return false
  if (patchType !== "JSONPatch") {
    const why = `unsupported patch type ${JSON.stringify(patchType)}`
    throw statusError.internal(new CallingWebhookError(name, why).message)
  }
  let operations: unknown
  try {
    operations = JSON.parse(patch) as unknown
  } catch (error) {
    throw statusError.internal(errorMessage(error))
  }
  if (Array.isArray(operations) && operations.length === 0) return false
  const before = consent.shown.object
  if (!before) {
    throw statusError.internal(
      `admission webhook ${JSON.stringify(name)} attempted to modify the object, which is not supported for this operation`,
    )
  }
  try {
    return await takeOver(attributes, shownAs, before, applyJsonPatch<KubeObject>(before, operations))
  } catch (error) {
    throw statusError.internal(reasonOf(error))
  }
}

/** What is wrong with a patch is in the cause: the message is for whoever sent it. */
function reasonOf(error: unknown): string {
  const [cause] = error instanceof StatusError ? (error.status.details?.causes ?? []) : []
  return cause?.message ?? errorMessage(error)
}
