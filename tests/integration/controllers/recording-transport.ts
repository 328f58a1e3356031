import type { KubeObject } from "@ladya/apimachinery"
import type { ApiCall, Transport, WatchCall, WatchEvent } from "@ladya/client"

/** Passes calls on, remembers them, and lets a test make some fail. */
export class RecordingTransport implements Transport {
  readonly calls: ApiCall[] = []
  /** Called before each call: throw to make it fail. */
  intercept: ((call: ApiCall) => void) | undefined
  readonly #inner: Transport

  constructor(inner: Transport) {
    this.#inner = inner
  }

  /** Calls that write, in order, as `verb resource name`. */
  get writes(): string[] {
    return this.calls
      .filter((call) => call.verb !== "get" && call.verb !== "list")
      .map((call) => {
        const name = "name" in call && call.name ? call.name : "object" in call ? call.object.metadata.name : ""
        const subresource = "subresource" in call && call.subresource ? `/${call.subresource}` : ""
        return `${call.verb} ${call.target.resource}${subresource} ${name ?? ""}`
      })
  }

  async call(call: ApiCall, signal?: AbortSignal): Promise<KubeObject> {
    this.calls.push(call)
    this.intercept?.(call)
    return this.#inner.call(call, signal)
  }

  watch(call: WatchCall, signal: AbortSignal): AsyncIterable<WatchEvent> {
    return this.#inner.watch(call, signal)
  }

  async resources(group: string, version: string, signal?: AbortSignal) {
    return (await this.#inner.resources?.(group, version, signal)) ?? []
  }
}
