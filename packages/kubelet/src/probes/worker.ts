import type { corev1 } from "@ladya/api"
import { type Clock, errorMessage, type Timer } from "@ladya/util"
import type { ProbeOutcome } from "./runner.ts"

export type ProbeType = "startup" | "liveness" | "readiness"

export interface ProbeWorkerOptions {
  type: ProbeType
  probe: corev1.Probe
  startedAtMs: number
  /** The container has run for long: waits this part (0 to 1) of a period first, so that not all are probed at once. */
  spread?: number
  clock: Clock
  attempt(signal: AbortSignal): Promise<ProbeOutcome>
  /** The verdict changed, or is known for the first time. */
  decided(healthy: boolean): void
  event(type: "Normal" | "Warning", reason: string, message: string): void
}

const words: Record<ProbeType, string> = { startup: "Startup", liveness: "Liveness", readiness: "Readiness" }

/** Runs one probe of one instance of a container, period by period, until it is stopped or has nothing more to find. */
export class ProbeWorker {
  readonly #options: ProbeWorkerOptions
  readonly #abort = new AbortController()
  #timer: Timer | undefined
  #last: boolean | undefined
  #run = 0
  #verdict: boolean | undefined

  constructor(options: ProbeWorkerOptions) {
    this.#options = options
    const { probe, startedAtMs, clock, spread } = options
    const delayMs = Math.max(0, startedAtMs + (probe.initialDelaySeconds ?? 0) * 1000 - clock.now())
    this.#schedule(delayMs > 0 ? delayMs : (spread ?? 0) * this.#periodMs)
  }

  stop(): void {
    this.#timer?.cancel()
    this.#abort.abort()
  }

  get #periodMs(): number {
    return Math.max(1, this.#options.probe.periodSeconds ?? 10) * 1000
  }

  #schedule(delayMs: number): void {
    this.#timer = this.#options.clock.setTimeout(() => void this.#tick(), delayMs)
  }

  async #tick(): Promise<void> {
    const { clock } = this.#options
    const startedAt = clock.monotonic()
    const outcome = await this.#attempt()
    if (this.#abort.signal.aborted) return
    if (outcome && this.#note(outcome.result !== "failure")) return
    this.#schedule(Math.max(0, startedAt + this.#periodMs - clock.monotonic()))
  }

  /** Undefined when the probe could not be run: then nothing is known. */
  async #attempt(): Promise<ProbeOutcome | undefined> {
    const { type, attempt, event } = this.#options
    const word = words[type]
    try {
      const outcome = await attempt(this.#abort.signal)
      if (this.#abort.signal.aborted) return undefined
      if (outcome.result === "failure") event("Warning", "Unhealthy", `${word} probe failed: ${outcome.output}`)
      if (outcome.result === "warning") event("Warning", "ProbeWarning", `${word} probe warning: ${outcome.output}`)
      return outcome
    } catch (error) {
      if (this.#abort.signal.aborted) return undefined
      event("Warning", "Unhealthy", `${word} probe errored and resulted in unknown state: ${errorMessage(error)}`)
      return undefined
    }
  }

  /** Counts a result; returns true when there is nothing more to find out of this instance. */
  #note(healthy: boolean): boolean {
    const { type, probe, decided } = this.#options
    this.#run = healthy === this.#last ? this.#run + 1 : 1
    this.#last = healthy
    const threshold = healthy ? (probe.successThreshold ?? 1) : (probe.failureThreshold ?? 3)
    if (this.#run < threshold) return false
    if (this.#verdict !== healthy) {
      this.#verdict = healthy
      decided(healthy)
    }
    // A started container stays started; one that failed will be replaced.
    return type === "startup" || (type === "liveness" && !healthy)
  }
}
