import type { StatusError } from "@ladya/apimachinery"
import { statusReasons } from "@ladya/apimachinery"
import type { AdmissionAttributes } from "../admission.ts"
import { refusal } from "../refuse.ts"

const codes: Readonly<Record<string, number>> = {
  Forbidden: statusReasons.Forbidden,
  Unauthorized: statusReasons.Unauthorized,
  RequestEntityTooLarge: statusReasons.RequestEntityTooLarge,
  Invalid: statusReasons.Invalid,
}

/** The Status of a request that a policy does not let pass: worded as forbidden, with the reason that the policy gives. */
export function policyRefusal(attributes: AdmissionAttributes, message: string, reason = "Invalid"): StatusError {
  const error = refusal(attributes, message)
  const { status } = error
  status.reason = reason
  status.code = codes[reason] ?? statusReasons.Invalid
  status.details = { ...status.details, causes: [{ message }] }
  return error
}
