/** Between two neighbours only (RFC 9110, section 7.6.1), or for this server alone. */
const kept = new Set([
  "connection",
  "keep-alive",
  "transfer-encoding",
  "upgrade",
  "te",
  "trailer",
  "proxy-authorization",
  "proxy-authenticate",
  "authorization",
  "host",
])

/** Whether a header means only this connection or this server, in a request or an answer. */
export const isForThisHop = (name: string): boolean => kept.has(name)

/** Whether a proxy hands a client's header on: no hop's own, no pseudo header, none that speaks for somebody. */
export function isPassedOn(name: string): boolean {
  return !(name.startsWith(":") || kept.has(name) || name.startsWith("impersonate-") || name.startsWith("x-remote-"))
}
