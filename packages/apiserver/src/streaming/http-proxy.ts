import type { IncomingMessage } from "node:http"
import { isIP } from "node:net"
import type { Duplex } from "node:stream"
import { connect as tlsConnect } from "node:tls"
import type { corev1 } from "@ladya/api"
import { newStatusError, statusError } from "@ladya/apimachinery"
import { errorMessage, http, joinSockets } from "@ladya/util"
import { type ApiRequest, type ApiResponse, type Handler, hijacked } from "../request.ts"
import { kubeletAddress, type NodeDialer } from "./dialer.ts"
import type { StreamingLookup } from "./lookup.ts"
import { isPassedOn } from "./passed-headers.ts"
import { upgradeHead } from "./upgrade.ts"

/** `name`, `name:port`, `scheme:name:port` as the proxy subresources write them. */
export interface ProxyName {
  scheme: "http" | "https"
  name: string
  port: string
}

export function parseProxyName(text: string): ProxyName {
  const parts = text.split(":")
  if (parts.length === 1) return { scheme: "http", name: text, port: "" }
  if (parts.length === 2) return { scheme: "http", name: parts[0] as string, port: parts[1] as string }
  if (parts.length === 3 && (parts[0] === "http" || parts[0] === "https" || parts[0] === "")) {
    return { scheme: parts[0] === "https" ? "https" : "http", name: parts[1] as string, port: parts[2] as string }
  }
  throw statusError.badRequest(`invalid proxy name ${JSON.stringify(text)}: want NAME, NAME:PORT or SCHEME:NAME:PORT`)
}

function passedHeaders(headers: Readonly<Record<string, string | string[] | undefined>>): Record<string, string> {
  const result: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || name === "cookie" || !isPassedOn(name)) continue
    result[name] = Array.isArray(value) ? value.join(", ") : value
  }
  return result
}

function targetPath(request: ApiRequest): string {
  const query = request.query.toString()
  return `/${request.info.rest}${query ? `?${query}` : ""}`
}

interface Target {
  connection: Duplex
  host: string
  /** What stands before the path for the client, to mend redirects. */
  prefix: string
}

/** Rewrites a redirect of the backend so that it stays below the proxy. */
function mendLocation(location: string, target: Target): string {
  if (location.startsWith("/")) return target.prefix + location
  const url = URL.parse(location)
  if (url && url.host === target.host) return `${target.prefix}${url.pathname}${url.search}`
  return location
}

async function passOn(request: ApiRequest, target: Target): Promise<ApiResponse | typeof hijacked> {
  if (request.upgrade) {
    target.connection.write(upgradeHead(request, targetPath(request), target.host))
    if (request.upgrade.head.length > 0) target.connection.write(request.upgrade.head)
    joinSockets(request.upgrade.socket, target.connection)
    return hijacked
  }
  const body = await request.body()
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const outgoing = http.request(
      {
        method: request.method,
        path: targetPath(request),
        headers: { ...passedHeaders(request.headers), host: target.host, connection: "close" },
        createConnection: () => target.connection,
        signal: request.signal,
      },
      resolve,
    )
    outgoing.on("error", (error) =>
      reject(newStatusError("ServiceUnavailable", `error trying to reach service: ${errorMessage(error)}`)),
    )
    outgoing.end(body)
  })
  const headers = passedHeaders(answer.headers)
  if (headers["location"]) headers["location"] = mendLocation(headers["location"], target)
  return { status: answer.statusCode ?? 502, headers, body: answer }
}

function secure(connection: Duplex, scheme: "http" | "https"): Duplex {
  // Backends of the proxy subresources bring certificates of their own making.
  return scheme === "https" ? tlsConnect({ socket: connection, rejectUnauthorized: false }) : connection
}

function prefixOf(request: ApiRequest): string {
  const { namespace, resource, name } = request.info
  return `/api/v1/${namespace ? `namespaces/${namespace}/` : ""}${resource}/${name}/proxy`
}

/** Link-local, loopback and unspecified addresses are the node's own business (metadata services, local daemons). */
function forbiddenAddress(address: string): boolean {
  return /^(127\.|169\.254\.|0\.|22[4-9]\.|23\d\.)/.test(address) || /^(::1?$|fe[89ab]|ff)/i.test(address)
}

/** `pods/proxy`: HTTP to a port of a pod. */
export function newPodProxyHandler(lookup: StreamingLookup, dialer: NodeDialer): Handler {
  return async (request) => {
    const { scheme, name, port } = parseProxyName(request.info.name)
    const pod = await lookup.pod(request.info.namespace, name)
    const address = pod.status?.podIP
    if (!address || !pod.spec?.nodeName)
      throw statusError.badRequest(`address not allowed: pod ${name} has no address yet`)
    if (isIP(address) === 0 || forbiddenAddress(address)) throw statusError.badRequest("address not allowed")
    const number = podPort(pod, port)
    const node = await lookup.node(pod.spec.nodeName)
    const connection = secure(await dialer.dial(kubeletAddress(node), address, number), scheme)
    return passOn(request, { connection, host: `${address}:${number}`, prefix: prefixOf(request) })
  }
}

function podPort(pod: corev1.Pod, port: string): number {
  const ports = (pod.spec?.containers ?? []).flatMap((container) => container.ports ?? [])
  if (port === "") return ports[0]?.containerPort ?? 80
  const named = ports.find((entry) => entry.name === port)?.containerPort
  const number = named ?? Number(port)
  if (!Number.isInteger(number) || number < 1 || number > 65_535) {
    throw statusError.badRequest(`invalid port ${JSON.stringify(port)} of pod ${pod.metadata.name}`)
  }
  return number
}

/** `services/proxy`: HTTP to one of a Service's ready endpoints. */
export function newServiceProxyHandler(lookup: StreamingLookup, dialer: NodeDialer, random: () => number): Handler {
  return async (request) => {
    const { scheme, name, port } = parseProxyName(request.info.name)
    const { namespace } = request.info
    const service = await lookup.service(namespace, name)
    const ports = service.spec?.ports ?? []
    const wanted = port
      ? ports.find((entry) => entry.name === port || String(entry.port) === port)
      : ports.length === 1
        ? ports[0]
        : undefined
    if (!wanted)
      throw newStatusError(
        "ServiceUnavailable",
        `no service port ${JSON.stringify(port)} found for service ${JSON.stringify(name)}`,
      )
    const slices = await lookup.endpointSlices(namespace, name)
    const backends = slices.flatMap((slice) => {
      const slicePort = slice.ports?.find((entry) => (entry.name ?? "") === (wanted.name ?? ""))?.port
      if (!slicePort) return []
      return (slice.endpoints ?? [])
        .filter((endpoint) => endpoint.conditions?.ready !== false && endpoint.nodeName)
        .map((endpoint) => ({
          address: endpoint.addresses[0] as string,
          port: slicePort,
          node: endpoint.nodeName as string,
        }))
    })
    const backend = backends[Math.floor(random() * backends.length)]
    if (!backend)
      throw newStatusError("ServiceUnavailable", `no endpoints available for service ${JSON.stringify(name)}`)
    if (forbiddenAddress(backend.address)) throw statusError.badRequest("address not allowed")
    const node = await lookup.node(backend.node)
    const connection = secure(await dialer.dial(kubeletAddress(node), backend.address, backend.port), scheme)
    return passOn(request, {
      connection,
      host: `${backend.address}:${backend.port}`,
      prefix: prefixOf(request),
    })
  }
}

/** `nodes/proxy`: the kubelet's own server. */
export function newNodeProxyHandler(lookup: StreamingLookup, dialer: NodeDialer): Handler {
  return async (request) => {
    const { name } = parseProxyName(request.info.name)
    const address = kubeletAddress(await lookup.node(name))
    const connection = await dialer.connect(address)
    return passOn(request, { connection, host: `${address.host}:${address.port}`, prefix: prefixOf(request) })
  }
}
