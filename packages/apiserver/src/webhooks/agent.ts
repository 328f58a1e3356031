import { Agent } from "node:https"
import { isIP } from "node:net"
import type { Duplex } from "node:stream"
import { secureConnection } from "./call-error.ts"
import type { ServiceDialer } from "./service-dialer.ts"
import { dialDirectly } from "./service-dialer.ts"
import type { WebhookTarget } from "./target.ts"

/** Connections nobody used for this long are closed. */
const idleMs = 60_000

/** Keeps connections to one webhook server. */
export class WebhookAgent extends Agent {
  readonly #target: WebhookTarget
  readonly #dialService: ServiceDialer

  constructor(target: WebhookTarget, dialService: ServiceDialer) {
    super({ keepAlive: true, maxFreeSockets: 8, timeout: idleMs })
    this.#target = target
    this.#dialService = dialService
  }

  override createConnection(
    _options: unknown,
    callback?: (error: Error | null, stream: Duplex) => void,
  ): Duplex | null | undefined {
    this.#connect().then(
      (socket) => callback?.(null, socket),
      // Node ignores the stream when there is an error.
      (error: unknown) => callback?.(error as Error, undefined as unknown as Duplex),
    )
    return undefined
  }

  async #connect(): Promise<Duplex> {
    const { service, host, port, ca } = this.#target
    const socket = service ? await this.#dialService(service) : await dialDirectly(host, port)
    try {
      return await secureConnection({
        socket,
        host,
        // Addresses are no names to TLS: they are compared with the certificate all the same.
        ...(isIP(host) ? {} : { servername: host }),
        ALPNProtocols: ["http/1.1"],
        ...(ca === undefined ? {} : { ca }),
      })
    } catch (error) {
      socket.destroy()
      throw error
    }
  }
}
