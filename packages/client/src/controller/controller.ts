import { isStatus, keyText, type ObjectKey, parseKey } from "@ladya/apimachinery"
import { type Clock, type Component, errorMessage, type Logger, type MetricsRegistry } from "@ladya/util"
import { newWorkQueue, type WorkQueue } from "../queue/work-queue.ts"

/** What becomes of a key after it was reconciled. */
export type Result = { kind: "done" } | { kind: "requeueAfter"; ms: number }

export const done: Result = Object.freeze({ kind: "done" })

export function requeueAfter(ms: number): Result {
  return { kind: "requeueAfter", ms }
}

/** An error that trying again cannot mend: the key is left until something changes. */
export class TerminalError extends Error {
  override name = "TerminalError"
}

/**
 * Brings the world to what one object wants. Works on a key, never on an event. Throwing means a rate-limited retry;
 * a TerminalError stops; a Conflict is a retry that is not worth a line in the log.
 */
export interface Reconciler {
  reconcile(key: ObjectKey, signal: AbortSignal): Promise<Result>
}

export interface Controller extends Component {
  readonly queue: WorkQueue
  enqueue(key: ObjectKey | string): void
  enqueueAfter(key: ObjectKey | string, ms: number): void
}

export interface ControllerOptions {
  name: string
  reconciler: Reconciler
  /** How many keys are worked on at a time. */
  workers: number
  clock: Clock
  log: Logger
  metrics?: MetricsRegistry
  /** One of its own unless told. */
  queue?: WorkQueue
  /** Work begins when these have synced: informers, mostly. */
  waitFor?: readonly { synced(): Promise<void> }[]
}

/** Workers that take keys off a queue and reconcile them. */
export function newController(options: ControllerOptions): Controller {
  return new QueueController(options)
}

class QueueController implements Controller {
  readonly name: string
  readonly queue: WorkQueue
  readonly #options: ControllerOptions
  readonly #log: Logger
  readonly #stop = new AbortController()
  #workers: Promise<void>[] = []

  constructor(options: ControllerOptions) {
    this.name = options.name
    this.#options = options
    this.#log = options.log.child({ controller: options.name })
    this.queue = options.queue ?? newWorkQueue(options)
  }

  enqueue(key: ObjectKey | string): void {
    this.queue.add(typeof key === "string" ? key : keyText(key))
  }

  enqueueAfter(key: ObjectKey | string, ms: number): void {
    this.queue.addAfter(typeof key === "string" ? key : keyText(key), ms)
  }

  async start(): Promise<void> {
    await Promise.all((this.#options.waitFor ?? []).map((one) => one.synced()))
    if (this.#stop.signal.aborted) return
    this.#workers = Array.from({ length: this.#options.workers }, () => this.#work())
  }

  /** Lets what runs come to its end; what runs still at the deadline is aborted. */
  async stop(deadline: AbortSignal): Promise<void> {
    this.queue.shutDown()
    const abort = (): void => this.#stop.abort()
    if (deadline.aborted) abort()
    else deadline.addEventListener("abort", abort, { once: true })
    await Promise.all(this.#workers)
    abort()
    deadline.removeEventListener("abort", abort)
  }

  async #work(): Promise<void> {
    for (;;) {
      const key = await this.queue.get()
      if (key === undefined) return
      try {
        const result = await this.#options.reconciler.reconcile(parseKey(key), this.#stop.signal)
        this.queue.forget(key)
        if (result.kind === "requeueAfter") this.queue.addAfter(key, result.ms)
      } catch (error) {
        this.#failed(key, error)
      } finally {
        this.queue.done(key)
      }
    }
  }

  #failed(key: string, error: unknown): void {
    if (this.#stop.signal.aborted) return
    if (error instanceof TerminalError) {
      this.#log.error("reconciling failed for good", { key, error: errorMessage(error) })
      this.queue.forget(key)
      return
    }
    const retries = this.queue.retries(key)
    if (isStatus(error, "Conflict")) this.#log.debug("conflict: will try again", { key, error: errorMessage(error) })
    else this.#log.warn("reconciling failed: will try again", { key, retries, error: errorMessage(error) })
    this.queue.addRateLimited(key)
  }
}
