import { type corev1, refs } from "@ladya/api"
import type { Client } from "@ladya/client"
import { sleep, systemClock } from "@ladya/util"

type Pod = corev1.Pod

interface Record {
  versions: Pod[]
  /** The version that was last waited for: what comes before it is past. */
  seen: number
}

/**
 * Every version of every pod, so that a test which is late still sees what was so for a moment only: on a busy
 * machine a state may be over before the test looks again.
 */
export class PodHistory {
  readonly #records = new Map<string, Record>()
  readonly #stop = new AbortController()
  readonly #client: Client

  constructor(client: Client) {
    this.#client = client
    void this.#watch()
  }

  /** A pod of this name is about to be created: those before it do not count. */
  forget(name: string): void {
    this.#records.delete(name)
  }

  /** The newest version that is as wanted, of those since the last one that was found here. */
  find(name: string, wanted: (pod: Pod) => unknown): Pod | undefined {
    const record = this.#records.get(name)
    const index = record?.versions.findLastIndex((pod, at) => at >= record.seen && wanted(pod)) ?? -1
    if (!record || index < 0) return undefined
    record.seen = index
    return record.versions[index]
  }

  stop(): void {
    this.#stop.abort()
  }

  async #watch(): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      try {
        for await (const { type, object } of this.#client.resource(refs.pods).watch({ namespace: "default", signal })) {
          if (type === "ADDED" || type === "MODIFIED") this.#add(object as Pod)
        }
      } catch {
        // The server is stopping, or the watch was ended: begun again.
      }
      await sleep(systemClock, 50, signal).catch(() => undefined)
    }
  }

  #add(pod: Pod): void {
    const name = pod.metadata.name ?? ""
    const record = this.#records.get(name) ?? { versions: [], seen: 0 }
    this.#records.set(name, record)
    const last = record.versions.at(-1)
    if (last?.metadata.resourceVersion !== pod.metadata.resourceVersion) record.versions.push(pod)
  }
}
