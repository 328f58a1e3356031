import { type corev1, refs } from "@ladya/api"
import { formatTime, isStatus, type KubeObject, StatusError } from "@ladya/apimachinery"
import { type Clock, type Component, errorMessage, type Logger, newDeferred, type Random, sleep } from "@ladya/util"
import type { Client, ResourceClient } from "../client.ts"
import { Correlator, LruMap, type Observation } from "./correlator.ts"

/** Tells users what happens to an object, as `kubectl describe` shows it. Never blocks and never throws. */
export interface EventRecorder extends Component {
  /**
   * `about` is the object or a reference to it (with `fieldPath` for a part of it). `reason` is one word in
   * CamelCase, `message` a sentence for people.
   */
  event(about: KubeObject | corev1.ObjectReference, type: "Normal" | "Warning", reason: string, message: string): void
  /** Resolves when what was recorded so far has been sent or given up. */
  flush(): Promise<void>
}

export interface EventRecorderOptions {
  client: Client
  /** Such as `kubelet` or `deployment-controller`. */
  component: string
  /** The node, when the component belongs to one. */
  host?: string
  clock: Clock
  log: Logger
  random: Random
}

const maxWaiting = 1000
/** So many are on their way at a time: events of many objects do not wait for one another. */
const maxSending = 32
const maxTries = 12
const retryMs = 10_000

export function newEventRecorder(options: EventRecorderOptions): EventRecorder {
  return new ApiEventRecorder(options)
}

/** A reference to an object, as events carry it. */
export function referenceTo(object: KubeObject, fieldPath?: string): corev1.ObjectReference {
  const { name, namespace, uid, resourceVersion } = object.metadata
  return {
    apiVersion: object.apiVersion,
    kind: object.kind,
    ...(name ? { name } : {}),
    ...(namespace ? { namespace } : {}),
    ...(uid ? { uid } : {}),
    ...(resourceVersion ? { resourceVersion } : {}),
    ...(fieldPath ? { fieldPath } : {}),
  }
}

interface Waiting {
  observation: Observation
  atMs: number
}

interface Sent {
  name: string
  namespace: string
  count: number
  message: string
}

class ApiEventRecorder implements EventRecorder {
  readonly name = "event recorder"
  readonly #options: EventRecorderOptions
  readonly #events: ResourceClient<corev1.Event>
  readonly #correlator: Correlator
  readonly #sent = new LruMap<Sent>(4096)
  readonly #queue: Waiting[] = []
  readonly #stop = new AbortController()
  #sequence = 0
  #idle = newDeferred<void>()
  #dropped = 0
  #senders = 0
  /** What is on its way, by the correlator's key: the same event is sent once, then counted up. */
  readonly #sending = new Map<string, Promise<void>>()

  constructor(options: EventRecorderOptions) {
    this.#options = options
    this.#events = options.client.resource(refs.events)
    this.#correlator = new Correlator(options.clock)
    this.#idle.resolve()
  }

  async start(): Promise<void> {}

  async stop(signal: AbortSignal): Promise<void> {
    const abort = (): void => this.#stop.abort()
    if (signal.aborted) abort()
    else signal.addEventListener("abort", abort, { once: true })
    await this.flush()
    abort()
    signal.removeEventListener("abort", abort)
  }

  flush(): Promise<void> {
    return this.#idle.promise
  }

  event(about: KubeObject | corev1.ObjectReference, type: "Normal" | "Warning", reason: string, message: string): void {
    if (this.#stop.signal.aborted) return
    if (this.#queue.length >= maxWaiting) {
      if (this.#dropped++ === 0) this.#options.log.warn("too many events wait: some are dropped", { reason })
      return
    }
    const { component, host, clock } = this.#options
    const involvedObject = "metadata" in about ? referenceTo(about) : about
    const source = { component, ...(host ? { host } : {}) }
    this.#queue.push({ observation: { involvedObject, source, type, reason, message }, atMs: clock.now() })
    if (this.#senders >= maxSending) return
    if (this.#senders++ === 0) this.#idle = newDeferred<void>()
    void this.#drain()
  }

  async #drain(): Promise<void> {
    for (let next = this.#queue.shift(); next; next = this.#queue.shift()) {
      if (this.#stop.signal.aborted) break
      try {
        await this.#record(next)
      } catch (error) {
        this.#options.log.debug("an event is lost", {
          reason: next.observation.reason,
          error: errorMessage(error),
        })
      }
    }
    this.#queue.length = 0
    if (--this.#senders > 0) return
    if (this.#dropped > 0) this.#options.log.warn("events were dropped: too many waited", { count: this.#dropped })
    this.#dropped = 0
    this.#idle.resolve()
  }

  async #record(waiting: Waiting): Promise<void> {
    const correlated = this.#correlator.correlate(waiting.observation)
    if (!correlated) return
    const { key, message } = correlated
    const before = this.#sending.get(key)
    const work = before
      ? before.then(
          () => this.#send(waiting, key, message),
          () => this.#send(waiting, key, message),
        )
      : this.#send(waiting, key, message)
    this.#sending.set(key, work)
    try {
      await work
    } finally {
      if (this.#sending.get(key) === work) this.#sending.delete(key)
    }
  }

  async #send({ observation, atMs }: Waiting, key: string, message: string): Promise<void> {
    const known = this.#sent.get(key)
    if (known) {
      const count = known.count + 1
      const patch = { count, message, lastTimestamp: formatTime(atMs) }
      try {
        await this.#insist(() => this.#events.patch(known.name, "merge", patch, { namespace: known.namespace }))
        this.#sent.set(key, { ...known, count, message })
        return
      } catch (error) {
        // The event has expired: begin a new one.
        if (!isStatus(error, "NotFound")) throw error
        this.#sent.delete(key)
      }
    }
    const event = this.#newEvent(observation, message, atMs)
    await this.#insist(() => this.#events.create(event))
    const { name = "", namespace = "" } = event.metadata
    this.#sent.set(key, { name, namespace, count: 1, message })
  }

  /** Tries again while the API cannot be reached; what the API refuses is given up. */
  async #insist(send: () => Promise<unknown>): Promise<void> {
    const { clock, random } = this.#options
    for (let attempt = 1; ; attempt++) {
      try {
        await send()
        return
      } catch (error) {
        if (error instanceof StatusError || attempt >= maxTries || this.#stop.signal.aborted) throw error
        // Not all at the same moment, after an outage.
        await sleep(clock, attempt === 1 ? retryMs * random() : retryMs, this.#stop.signal)
      }
    }
  }

  #newEvent(observation: Observation, message: string, atMs: number): corev1.Event {
    const { involvedObject, source, type, reason } = observation
    const time = formatTime(atMs)
    // Unique within the component's life, and as good as unique beyond it: time in nanoseconds.
    const suffix = (BigInt(Math.floor(atMs)) * 1_000_000n + BigInt(this.#sequence++ % 1_000_000)).toString(16)
    return {
      apiVersion: "v1",
      kind: "Event",
      metadata: {
        name: `${eventNameBase(involvedObject.name)}.${suffix}`,
        namespace: involvedObject.namespace || "default",
      },
      involvedObject,
      reason,
      message,
      type,
      source,
      count: 1,
      firstTimestamp: time,
      lastTimestamp: time,
      reportingComponent: source.component ?? "",
      reportingInstance: source.host ?? "",
    }
  }
}

/** Names of some kinds (ClusterRoles, for one) are no names for events. */
function eventNameBase(name: string | undefined): string {
  return name && /^[a-z0-9]([-a-z0-9.]{0,220}[a-z0-9])?$/.test(name) ? name : crypto.randomUUID()
}
