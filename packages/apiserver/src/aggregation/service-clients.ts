import type { ServiceDialer } from "../webhooks/service-dialer.ts"
import type { RemoteService } from "./api-services.ts"
import { ServiceClient } from "./service-client.ts"

/** The certificate that this server shows to those behind APIServices, PEM. */
export interface FrontProxyCredentials {
  cert: string | Buffer
  key: string | Buffer
}

/** One HTTPS client for each APIService, made anew when what it depends on changes. */
export class ServiceClients {
  readonly #dial: ServiceDialer
  readonly #credentials: FrontProxyCredentials | undefined
  readonly #clients = new Map<string, { signature: string; client: ServiceClient }>()

  constructor(deps: { dial: ServiceDialer; credentials: FrontProxyCredentials | undefined }) {
    this.#dial = deps.dial
    this.#credentials = deps.credentials
  }

  clientOf({ object, target }: RemoteService): ServiceClient {
    const { caBundle, insecureSkipTLSVerify } = object.spec ?? {}
    const name = object.metadata.name ?? ""
    const signature = JSON.stringify([target, caBundle, insecureSkipTLSVerify])
    const known = this.#clients.get(name)
    if (known?.signature === signature) return known.client
    known?.client.close()
    const client = new ServiceClient({
      target,
      dial: this.#dial,
      tls: {
        ...(caBundle ? { ca: Buffer.from(caBundle, "base64") } : {}),
        insecure: insecureSkipTLSVerify === true,
        ...this.#credentials,
      },
    })
    this.#clients.set(name, { signature, client })
    return client
  }

  forget(name: string): void {
    this.#clients.get(name)?.client.close()
    this.#clients.delete(name)
  }

  close(): void {
    for (const { client } of this.#clients.values()) client.close()
    this.#clients.clear()
  }
}
