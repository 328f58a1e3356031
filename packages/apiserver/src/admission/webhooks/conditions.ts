import type { KindDefinition } from "@ladya/api"
import type { AdmissionAttributes } from "../admission.ts"
import type { Hook } from "./hooks.ts"

/**
 * Whether the conditions of a webhook hold for the request. Throws the 403 Status of conditions that cannot be evaluated
 * and may not be ignored.
 */
export type HookConditions = (
  attributes: AdmissionAttributes,
  hook: Hook,
  shownAs: KindDefinition,
) => Promise<boolean> | boolean
