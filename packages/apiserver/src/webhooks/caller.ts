import type { IncomingMessage } from "node:http"
import { request as httpsRequest } from "node:https"
import { type Clock, timeoutSignal } from "@ladya/util"
import { AnswerTooLargeError, readWhole } from "../streaming/read-answer.ts"
import { WebhookAgent } from "./agent.ts"
import { answerErrorText, connectionErrorText, WebhookCallError } from "./call-error.ts"
import type { ServiceDialer } from "./service-dialer.ts"
import { pathWithTimeout, urlOf, type WebhookClientConfig, type WebhookTarget, webhookTarget } from "./target.ts"

export { WebhookCallError } from "./call-error.ts"
export type { WebhookClientConfig } from "./target.ts"

/** Answers larger than this are not read, unless the call allows for more. */
const defaultMaxResponseBytes = 16 * 1024 * 1024
/** Webhook servers whose connections are kept. */
const maxAgents = 64

export interface WebhookCallOptions {
  /** The webhook is told of it as well, in whole seconds. */
  timeoutMs: number
  /** Ends the call early. */
  signal?: AbortSignal
  maxResponseBytes?: number
}

/** Speaks to webhooks: of admission, of conversion. */
export interface WebhookCaller {
  /**
   * Posts a JSON document, an object or its text, and gives back the one that is answered. Throws a WebhookCallError:
   * `Post "https://…": why` when nothing was answered.
   */
  call(config: WebhookClientConfig, body: object | string, options: WebhookCallOptions): Promise<unknown>
  close(): void
}

/** A caller that keeps connections open between calls. */
export function newWebhookCaller(deps: { clock: Clock; dialService: ServiceDialer }): WebhookCaller {
  return new Caller(deps)
}

class Caller implements WebhookCaller {
  readonly #deps: { clock: Clock; dialService: ServiceDialer }
  /** The one used longest ago first. */
  readonly #agents = new Map<string, WebhookAgent>()

  constructor(deps: { clock: Clock; dialService: ServiceDialer }) {
    this.#deps = deps
  }

  async call(config: WebhookClientConfig, body: object | string, options: WebhookCallOptions): Promise<unknown> {
    const target = webhookTarget(config)
    const url = urlOf(target, options.timeoutMs)
    const payload = Buffer.from(typeof body === "string" ? body : JSON.stringify(body))
    const timeout = timeoutSignal(this.#deps.clock, options.timeoutMs, options.signal)
    try {
      const { status, text } = await withSignal(
        timeout.signal,
        this.#exchange(target, payload, options, timeout.signal),
      )
      if (status < 200 || status > 299) throw new WebhookCallError(answerErrorText(status, text), status)
      return parse(text)
    } catch (error) {
      if (error instanceof WebhookCallError) throw error
      if (error instanceof AnswerTooLargeError) throw new WebhookCallError(error.message)
      if (options.signal?.aborted) throw new WebhookCallError(`Post ${JSON.stringify(url)}: context canceled`)
      const why = timeout.signal.aborted ? "context deadline exceeded" : connectionErrorText(error)
      throw new WebhookCallError(`Post ${JSON.stringify(url)}: ${why}`)
    } finally {
      timeout.clear()
    }
  }

  close(): void {
    for (const agent of this.#agents.values()) agent.destroy()
    this.#agents.clear()
  }

  async #exchange(
    target: WebhookTarget,
    payload: Buffer,
    options: WebhookCallOptions,
    signal: AbortSignal,
  ): Promise<{ status: number; text: Buffer }> {
    const limit = options.maxResponseBytes ?? defaultMaxResponseBytes
    for (;;) {
      const sent = this.#send(target, payload, options.timeoutMs, signal)
      try {
        const answer = await sent.answer
        return { status: answer.statusCode ?? 0, text: await readWhole(answer, limit) }
      } catch (error) {
        // The server ended a kept connection just as we took it: the request never arrived.
        if (sent.isReused() && isBroken(error) && !signal.aborted) continue
        throw error
      }
    }
  }

  #send(
    target: WebhookTarget,
    payload: Buffer,
    timeoutMs: number,
    signal: AbortSignal,
  ): { answer: Promise<IncomingMessage>; isReused(): boolean } {
    const request = httpsRequest({
      host: target.host,
      port: target.port,
      path: pathWithTimeout(target, timeoutMs),
      method: "POST",
      agent: this.#agentOf(target),
      signal,
      headers: {
        Accept: "application/json, */*",
        "Content-Type": "application/json",
        "Content-Length": payload.length,
        "User-Agent": "kube-apiserver-admission",
      },
    })
    const answer = new Promise<IncomingMessage>((resolve, reject) => {
      request.on("response", resolve)
      request.on("error", reject)
      request.end(payload)
    })
    return { answer, isReused: () => request.reusedSocket }
  }

  #agentOf(target: WebhookTarget): WebhookAgent {
    const key = JSON.stringify([target.service ?? null, target.host, target.port, target.ca])
    const agent = this.#agents.get(key) ?? new WebhookAgent(target, this.#deps.dialService)
    this.#agents.delete(key)
    this.#agents.set(key, agent)
    if (this.#agents.size > maxAgents) {
      const [[oldest, idle]] = this.#agents as unknown as [[string, WebhookAgent]]
      this.#agents.delete(oldest)
      idle.destroy()
    }
    return agent
  }
}

const isBroken = (error: unknown): boolean =>
  ["ECONNRESET", "EPIPE"].includes((error as { code?: string } | undefined)?.code ?? "")

function parse(text: Buffer): unknown {
  try {
    return JSON.parse(text.toString("utf8")) as unknown
  } catch (error) {
    throw new WebhookCallError(`couldn't decode the answer: ${(error as Error).message}`)
  }
}

/** A connection that is still being made does not hear the signal: the caller does. */
function withSignal<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason)
    if (signal.aborted) abort()
    signal.addEventListener("abort", abort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort))
  })
}
