import { type Clock, newDeferred, type Timer } from "@ladya/util"

interface Waiting {
  readonly timers: Map<string, Timer>
  decide(reason: string | undefined): void
}

/** Pods that Permit plugins hold back until each of them allows it, one rejects, or time runs out. */
export class WaitingPods {
  readonly #clock: Clock
  readonly #pods = new Map<string, Waiting>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Resolves with why the pod was rejected, or undefined when all plugins allowed it. */
  wait(uid: string, timeoutsMs: ReadonlyMap<string, number>): Promise<string | undefined> {
    const decision = newDeferred<string | undefined>()
    const timers = new Map<string, Timer>()
    const decide = (reason: string | undefined): void => {
      for (const timer of timers.values()) timer.cancel()
      this.#pods.delete(uid)
      decision.resolve(reason)
    }
    for (const [plugin, ms] of timeoutsMs) {
      const text = `rejected due to timeout after waiting ${ms / 1000}s at plugin ${plugin}`
      timers.set(
        plugin,
        this.#clock.setTimeout(() => decide(text), ms),
      )
    }
    this.#pods.set(uid, { timers, decide })
    return decision.promise
  }

  /** The last plugin that allows it lets the pod go on. */
  allow(uid: string, plugin: string): void {
    const pod = this.#pods.get(uid)
    pod?.timers.get(plugin)?.cancel()
    pod?.timers.delete(plugin)
    if (pod?.timers.size === 0) pod.decide(undefined)
  }

  reject(uid: string, reason: string): void {
    this.#pods.get(uid)?.decide(reason)
  }

  rejectAll(reason: string): void {
    for (const pod of [...this.#pods.values()]) pod.decide(reason)
  }
}
