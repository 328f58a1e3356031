import type { KindDefinition } from "@ladya/api"
import type { Authorizer } from "../../authorization/authorizer.ts"
import type { AdmissionAttributes } from "../admission.ts"
import { objectsAs } from "../dynamic/versions.ts"
import { requestBindings } from "../expressions/bindings.ts"
import { conditionsHold } from "../expressions/conditions.ts"
import { refusal } from "../refuse.ts"
import type { Hook } from "./hooks.ts"

/**
 * Whether the match conditions of a webhook hold for the request. Throws the 403 Status of conditions that cannot be
 * evaluated and may not be ignored.
 */
export async function meetsConditions(
  authorizer: Authorizer,
  attributes: AdmissionAttributes,
  hook: Hook,
  shownAs: KindDefinition,
): Promise<boolean> {
  if (hook.conditions.length === 0) return true
  const bindings = requestBindings(authorizer, attributes, shownAs, await objectsAs(attributes, shownAs))
  const outcome = conditionsHold(hook.conditions, bindings)
  if (typeof outcome === "boolean") return outcome
  if (hook.webhook.failurePolicy === "Ignore") return false
  throw refusal(attributes, outcome.error)
}
