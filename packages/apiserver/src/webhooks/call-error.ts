import { type ConnectionOptions, connect, type TLSSocket } from "node:tls"
import { StatusError } from "@ladya/apimachinery"
import { errorMessage } from "@ladya/util"

/** A webhook that could not be asked, or answered no good: the message is worded as upstream's HTTP client words it. */
export class WebhookCallError extends Error {
  override name = "WebhookCallError"
  /** The HTTP status of the answer; undefined when none came. */
  readonly httpStatus: number | undefined

  constructor(message: string, httpStatus?: number) {
    super(message)
    this.httpStatus = httpStatus
  }
}

const unknownAuthority = new Set([
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  // Another CA of the same name.
  "CERT_SIGNATURE_FAILURE",
])
const outOfTime = new Set(["CERT_HAS_EXPIRED", "CERT_NOT_YET_VALID"])

interface NodeError {
  code?: string
  syscall?: string
  address?: string
  port?: number
  hostname?: string
  cert?: { subjectaltname?: string }
  host?: string
}

/** Why a connection failed, in the words of Go's `net` and `crypto/tls`, which users know from upstream. */
export function connectionErrorText(error: unknown): string {
  if (error instanceof StatusError || typeof error !== "object" || error === null) return errorMessage(error)
  const { code = "", address, port, hostname, cert, host } = error as NodeError
  const at = `dial tcp ${address?.includes(":") ? `[${address}]` : address}:${port}`
  if (unknownAuthority.has(code))
    return "tls: failed to verify certificate: x509: certificate signed by unknown authority"
  if (outOfTime.has(code)) {
    return "tls: failed to verify certificate: x509: certificate has expired or is not yet valid"
  }
  switch (code) {
    case "ECONNREFUSED":
      return address ? `${at}: connect: connection refused` : "connect: connection refused"
    case "EHOSTUNREACH":
      return address ? `${at}: connect: no route to host` : "connect: no route to host"
    case "ETIMEDOUT":
      return address ? `${at}: i/o timeout` : "i/o timeout"
    case "ECONNRESET":
    case "EPIPE":
      return "EOF"
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return `dial tcp: lookup ${hostname}: no such host`
    case "ERR_TLS_CERT_ALTNAME_INVALID": {
      const names = (cert?.subjectaltname ?? "").replace(/\b(DNS|IP Address|URI):/g, "")
      return names
        ? `tls: failed to verify certificate: x509: certificate is valid for ${names}, not ${host}`
        : `tls: failed to verify certificate: x509: certificate is not valid for any names, but wanted to match ${host}`
    }
    case "ERR_SSL_WRONG_VERSION_NUMBER":
    case "ERR_SSL_PACKET_LENGTH_TOO_LONG":
      return "http: server gave HTTP response to HTTPS client"
  }
  return errorMessage(error)
}

/** What the API's own client says of an answer that is not a success. */
export function answerErrorText(status: number, body: Buffer): string {
  const text = body.toString("utf8").trim().slice(0, 2048)
  switch (status) {
    case 400:
      return "the server rejected our request for an unknown reason"
    case 401:
      return "the server has asked for the client to provide credentials"
    case 403:
      return text && !text.startsWith("<") ? text : "unknown"
    case 404:
      return "the server could not find the requested resource"
    case 405:
      return "the server does not allow this method on the requested resource"
    case 413:
      return "the request is too large"
    case 415:
      return "the body of the request was in an unknown format - accepted media types include: "
    case 429:
      return "the server has received too many requests and has asked us to try again later"
    case 503:
      return "the server is currently unable to handle the request"
    case 504:
      return "the server was unable to return a response in the time allotted, but may still be processing the request"
  }
  if (status >= 500)
    return `an error on the server (${JSON.stringify(text || "unknown")}) has prevented the request from succeeding`
  return `the server responded with the status code ${status} but did not return more information`
}

/** A TLS connection over another one. Resolves when the server has shown a certificate that holds. */
export function secureConnection(options: ConnectionOptions): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect(options)
    const fail = (error: Error): void => {
      socket.destroy()
      reject(error)
    }
    const closed = (): void => reject(new Error("EOF"))
    socket.once("error", fail)
    socket.once("close", closed)
    socket.once("secureConnect", () => {
      socket.off("error", fail)
      socket.off("close", closed)
      resolve(socket)
    })
  })
}
