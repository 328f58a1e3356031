import type { admissionregistrationv1 } from "@ladya/api"
import { errorMessage } from "@ladya/util"
import type { Authorizer } from "../../authorization/authorizer.ts"
import type { ResourceTable } from "../../resources.ts"
import type { AdmissionAttributes, AdmissionPlugin } from "../admission.ts"
import { isConfiguration, isInnerStep } from "../dynamic/exempt.ts"
import { LiveList } from "../dynamic/live-list.ts"
import { type AskDeps, ask } from "./ask.ts"
import { meetsConditions } from "./conditions.ts"
import { type Hook, hooksOf } from "./hooks.ts"
import { matchHook } from "./match.ts"

export interface WebhookPluginDeps extends AskDeps {
  resources: ResourceTable
  authorizer: Authorizer
}

/** Asks the webhooks of ValidatingWebhookConfigurations, all at once. */
export class ValidatingAdmissionWebhook implements AdmissionPlugin {
  readonly name = "ValidatingAdmissionWebhook"
  readonly #deps: WebhookPluginDeps
  readonly #hooks: LiveList<admissionregistrationv1.ValidatingWebhookConfiguration, readonly Hook[]>

  constructor(deps: WebhookPluginDeps) {
    this.#deps = deps
    const group = "admissionregistration.k8s.io"
    this.#hooks = new LiveList(deps.resources.storage(group, "validatingwebhookconfigurations"), hooksOf)
  }

  handles(attributes: AdmissionAttributes): boolean {
    return !this.#hooks.isEmpty() && !isConfiguration(attributes) && !isInnerStep(attributes)
  }

  async validate(attributes: AdmissionAttributes): Promise<void> {
    const deps = this.#deps
    const matched = []
    for (const hook of (await this.#hooks.all()).flat()) {
      const shownAs = await matchHook(deps.resources, attributes, hook)
      if (shownAs && (await meetsConditions(deps.authorizer, attributes, hook, shownAs)))
        matched.push({ hook, shownAs })
    }
    if (matched.length === 0) return
    const outcomes = await Promise.allSettled(
      matched.map(({ hook, shownAs }) => ask(deps, attributes, hook, shownAs, { isMutating: false })),
    )
    const [first, ...others] = outcomes.filter((outcome) => outcome.status === "rejected")
    for (const { reason } of others) deps.log.info("another webhook failed as well", { reason: errorMessage(reason) })
    if (first) throw first.reason
  }
}
