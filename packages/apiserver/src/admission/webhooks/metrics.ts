import type { MetricsRegistry } from "@ladya/util"
import type { AdmissionOperation } from "../admission.ts"

/** One asking of a webhook, and what came of it. */
export interface Asking {
  webhook: string
  isMutating: boolean
  operation: AdmissionOperation
  seconds: number
  outcome: "admitted" | "denied" | "failed" | "ignored"
  /** The HTTP code that the client gets; of what was admitted 200. */
  code: number
}

const buckets = [0.005, 0.025, 0.1, 0.5, 1, 2.5, 10, 25]
/** Codes beyond what HTTP knows are counted as one. */
const maxCode = 600

/** Counts and times webhooks under the names that dashboards know. */
export class WebhookMetrics {
  readonly #duration
  readonly #requests
  readonly #rejections
  readonly #failOpen

  constructor(metrics: MetricsRegistry) {
    const prefix = "apiserver_admission_webhook"
    const by = "by webhook, type and operation"
    this.#duration = metrics.histogram(
      `${prefix}_admission_duration_seconds`,
      `Time that webhooks took, in seconds, ${by}, and whether they rejected.`,
      buckets,
    )
    this.#requests = metrics.counter(`${prefix}_request_total`, `Askings of webhooks, ${by}, and by their code.`)
    this.#rejections = metrics.counter(`${prefix}_rejection_count`, `Rejections by webhooks, ${by}, and why.`)
    this.#failOpen = metrics.counter(`${prefix}_fail_open_count`, "Failures of webhooks that were ignored, by webhook.")
  }

  record({ webhook: name, isMutating, operation, seconds, outcome, code }: Asking): void {
    const type = isMutating ? "admit" : "validating"
    const isRejected = outcome === "denied" || outcome === "failed"
    const labels = { name, type, operation, rejected: String(isRejected) }
    this.#duration.observe(seconds, labels)
    this.#requests.add(1, { ...labels, code: String(Math.min(code, maxCode)) })
    if (outcome === "ignored") this.#failOpen.add(1, { name, type })
    if (!isRejected) return
    this.#rejections.add(1, {
      ...{ name, type, operation },
      error_type: outcome === "failed" ? "calling_webhook_error" : "no_error",
      rejection_code: String(outcome === "failed" ? 0 : Math.min(code, maxCode)),
    })
  }
}
