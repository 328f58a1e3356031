import { type metav1, StatusError } from "@ladya/apimachinery"

/** A webhook that could not be asked, or whose answer is no answer: its failure policy says what comes of it. */
export class CallingWebhookError extends Error {
  override name = "CallingWebhookError"

  constructor(webhook: string, why: string) {
    super(`failed calling webhook ${JSON.stringify(webhook)}: ${why}`)
  }
}

/** The Status of a request that a webhook denied: its own code, reason and details, with its name before the message. */
export function deniedBy(webhook: string, given: metav1.Status | undefined): StatusError {
  const denied = `admission webhook ${JSON.stringify(webhook)} denied the request`
  const message = given?.message
    ? `${denied}: ${given.message}`
    : given?.reason
      ? `${denied}: ${given.reason}`
      : `${denied} without explanation`
  const { code = 0, status } = given ?? {}
  return new StatusError({
    ...given,
    kind: "Status",
    apiVersion: "v1",
    metadata: given?.metadata ?? {},
    // A denial is never shown as a success.
    status: !status || status === "Success" ? "Failure" : status,
    message,
    code: code < 400 ? 400 : code,
  })
}
