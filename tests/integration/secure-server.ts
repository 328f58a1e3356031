import { mkdtempSync, rmSync } from "node:fs"
import { request } from "node:https"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { TestContext } from "node:test"
import { ensurePki, type KeyPairPem, newApiServer, newSecurity, type UserInfo } from "@ladya/apiserver"
import { type Client, newClient } from "@ladya/client"
import type { Store } from "@ladya/store"
import { MetricsRegistry, newRandom, silentLogger, systemClock } from "@ladya/util"

const admin: UserInfo = { name: "kubernetes-admin", groups: ["system:masters", "system:authenticated"] }
const clock = systemClock

export interface Answer {
  status: number
  // biome-ignore lint/suspicious/noExplicitAny: answers of every shape.
  json: any
  bytes: Buffer
}

export interface SecureServer {
  /** Where it listens. */
  url: string
  client: Client
  clientAs(user: UserInfo): Client
  http(
    method: string,
    path: string,
    options?: { body?: object; headers?: Record<string, string>; credentials?: KeyPairPem },
  ): Promise<Answer>
  pki: Awaited<ReturnType<typeof ensurePki>>
  port: number
  stop(): Promise<void>
}

/** A whole API server with its security, on a free port; with the keys of another one when told. */
export async function startSecureServer(
  t: TestContext,
  store: Store,
  options: { pki?: SecureServer["pki"]; address?: string; isShared?: boolean } = {},
): Promise<SecureServer> {
  const directory = mkdtempSync(join(tmpdir(), "ladya-security-"))
  const log = silentLogger
  const pki = options.pki ?? (await ensurePki(join(directory, "pki"), { clock, log }))
  const security = newSecurity({
    ...{ pki, clock, log, random: newRandom(1) },
    services: {
      advertiseAddress: options.address ?? "172.30.0.1",
      isShared: options.isShared ?? false,
      serviceCidr: "10.96.0.0/16",
      port: 6443,
      kubernetesAddress: "10.96.0.1",
      dnsAddress: "10.96.0.10",
      dnsPort: 10053,
    },
  })
  const server = newApiServer({
    ...{ store, clock, log, random: newRandom(2), metrics: new MetricsRegistry() },
    config: (internals) => ({
      listen: [{ host: "127.0.0.1", port: 0 }],
      tls: {
        cert: pki.serving.certificate,
        key: pki.serving.key,
        clientCA: [pki.caCertificate, pki.frontProxyCaCertificate],
      },
      frontProxy: { cert: pki.frontProxyClient.certificate, key: pki.frontProxyClient.key },
      kubelet: { ca: pki.caCertificate, cert: pki.admin.certificate, key: pki.admin.key },
      ...security.configure(internals),
    }),
  })
  await server.start()
  await security.start()
  let stopped: Promise<void> | undefined
  const stop = (): Promise<void> => {
    stopped ??= (async () => {
      await security.stop(AbortSignal.timeout(2000))
      await server.stop(AbortSignal.timeout(2000))
      rmSync(directory, { recursive: true, force: true })
    })()
    return stopped
  }
  t.after(stop)
  const { port } = server.addresses()[0] as AddressInfo
  return {
    url: `https://127.0.0.1:${port}`,
    client: newClient(server.transport(admin)),
    clientAs: (user) => newClient(server.transport(user)),
    pki,
    stop,
    port,
    http: (method, path, options = {}) =>
      new Promise((resolve, reject) => {
        const { credentials, body, headers } = options
        const sent = request(
          {
            ...{ host: "127.0.0.1", port, method, path, ca: pki.caCertificate, agent: false },
            headers: { ...(body ? { "content-type": "application/json" } : {}), ...headers },
            ...(credentials ? { cert: credentials.certificate, key: credentials.key } : {}),
          },
          (response) => {
            const chunks: Buffer[] = []
            response.on("data", (chunk: Buffer) => chunks.push(chunk))
            response.on("end", () => {
              const bytes = Buffer.concat(chunks)
              const text = bytes.toString("utf8")
              const isJson = response.headers["content-type"]?.includes("json")
              resolve({ status: response.statusCode ?? 0, json: isJson ? JSON.parse(text) : text, bytes })
            })
          },
        )
        sent.on("error", reject)
        sent.end(Buffer.isBuffer(body) ? body : body ? JSON.stringify(body) : undefined)
      }),
  }
}
