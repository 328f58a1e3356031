import { statusError } from "@ladya/apimachinery"
import type { ApiRequest } from "../request.ts"
import { isWebSocketRequest, offeredProtocols } from "../server/websocket/connection.ts"

/** Browsers cannot send an Authorization header with a WebSocket: the token comes as a subprotocol that begins with this. */
const prefix = "base64url.bearer.authorization.k8s.io."
const header = "sec-websocket-protocol"

/**
 * Makes a token among the subprotocols an Authorization header, and takes it off what is offered: whoever the request is
 * sent on to is not to see it. Throws a 401 Status when it is none, or stands alone.
 */
export function takeProtocolToken(request: Pick<ApiRequest, "headers">): void {
  const { headers } = request
  if (!headers[header]?.includes(prefix) || !isWebSocketRequest(headers)) return
  const all = offeredProtocols(headers)
  const [encoded, ...more] = all.flatMap((name) => (name.startsWith(prefix) ? [name.slice(prefix.length)] : []))
  const others = all.filter((name) => !name.startsWith(prefix))
  if (encoded === undefined) return
  const token = decode(encoded)
  if (token === undefined || more.length > 0 || others.length === 0) throw statusError.unauthorized()
  request.headers = { authorization: `Bearer ${token}`, ...headers, [header]: others.join(", ") }
}

/** Base64 for URLs without padding, of UTF-8. */
function decode(encoded: string): string | undefined {
  const bytes = Buffer.from(encoded, "base64url")
  if (encoded === "" || bytes.toString("base64url") !== encoded) return undefined
  try {
    const token = new TextDecoder("utf-8", { fatal: true }).decode(bytes)
    return /^[\x21-\x7e]+$/.test(token) ? token : undefined
  } catch {
    return undefined
  }
}
