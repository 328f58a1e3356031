import type { admissionregistrationv1 } from "@ladya/api"
import { WebhookCallError } from "./call-error.ts"

/** Of admission webhooks and of conversion webhooks alike. */
export type WebhookClientConfig = admissionregistrationv1.WebhookClientConfig

/** Where a webhook is: what its URL says, or what is made of its Service. */
export interface WebhookTarget {
  /** The server's name, that its certificate has to hold. */
  host: string
  port: number
  /** Path and query, without the timeout. */
  path: string
  service: { namespace: string; name: string; port: number } | undefined
  /** PEM of the CAs its certificate is checked against; undefined: the machine's. */
  ca: string | undefined
}

const pem = /-----BEGIN CERTIFICATE-----/

/** Throws a WebhookCallError for what no webhook can be. */
export function webhookTarget(config: WebhookClientConfig): WebhookTarget {
  const { url, service, caBundle } = config
  const ca = caBundle ? Buffer.from(caBundle, "base64").toString("latin1") : undefined
  if (ca !== undefined && !pem.test(ca)) {
    throw new WebhookCallError("unable to load root certificates: unable to parse bytes as PEM block")
  }
  if (service) {
    const { namespace, name, path = "/", port = 443 } = service
    const host = `${name}.${namespace}.svc`
    return { host, port, path: path.startsWith("/") ? path : `/${path}`, service: { namespace, name, port }, ca }
  }
  if (!url) throw new WebhookCallError("webhook configuration must have either service or URL")
  const parsed = URL.parse(url)
  if (!parsed) throw new WebhookCallError(`Unparsable URL: ${url}`)
  if (parsed.protocol !== "https:") throw new WebhookCallError(`'https' is the only allowed URL scheme: ${url}`)
  const host = parsed.hostname.replace(/^\[(.*)\]$/, "$1")
  return { host, port: Number(parsed.port || 443), path: parsed.pathname || "/", service: undefined, ca }
}

/** The URL as errors name it. */
export function urlOf(target: WebhookTarget, timeoutMs: number): string {
  const host = target.host.includes(":") ? `[${target.host}]` : target.host
  return `https://${host}:${target.port}${pathWithTimeout(target, timeoutMs)}`
}

/** Servers are told how long they have, in whole seconds. */
export function pathWithTimeout(target: WebhookTarget, timeoutMs: number): string {
  return `${target.path}?timeout=${Math.ceil(timeoutMs / 1000)}s`
}
