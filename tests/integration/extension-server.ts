import type { IncomingMessage, ServerResponse } from "node:http"
import { createServer, type Server } from "node:https"
import type { AddressInfo, Socket } from "node:net"
import type { TLSSocket } from "node:tls"
import { type corev1, refs } from "@ladya/api"
import type { KeyPairPem } from "@ladya/apiserver"
import type { Client } from "@ladya/client"

export const group = "wardle.example.com"
export const version = "v1alpha1"
const root = `/apis/${group}/${version}`

type Flunder = { metadata: { name: string; namespace: string; [key: string]: unknown }; [key: string]: unknown }

export interface ExtensionServer {
  port: number
  /** Who made each request to resources, as the headers said. */
  readonly seen: { method: string; path: string; headers: IncomingMessage["headers"] }[]
  /** Whether discovery answers. */
  isHealthy: boolean
  stop(): Promise<void>
}

const send = (response: ServerResponse, code: number, body: object, type = "application/json"): void => {
  response.writeHead(code, { "content-type": type, "x-extension": "yes" })
  response.end(JSON.stringify(body))
}

const resources = [
  {
    name: "flunders",
    singularName: "flunder",
    namespaced: true,
    kind: "Flunder",
    verbs: ["create", "delete", "get", "list", "watch"],
    shortNames: ["fl"],
  },
]

/**
 * A small API server of another process's kind: it believes the front proxy that the cluster's ConfigMap names, asks the
 * cluster whether that user may, and keeps flunders in memory.
 */
export async function startExtensionServer(client: Client, serving: KeyPairPem): Promise<ExtensionServer> {
  const trust = (await client
    .resource(refs.configmaps)
    .get("extension-apiserver-authentication", { namespace: "kube-system" })) as corev1.ConfigMap
  const names = JSON.parse(trust.data?.["requestheader-allowed-names"] ?? "[]") as string[]
  const flunders = new Map<string, Flunder>()
  const watchers = new Set<ServerResponse>()
  const seen: ExtensionServer["seen"] = []
  let revision = 1
  const state = { isHealthy: true }

  const isAllowed = async (request: IncomingMessage, verb: string, namespace: string, name: string) => {
    const user = String(request.headers["x-remote-user"])
    const groups = String(request.headers["x-remote-group"] ?? "").split(", ")
    const review = await client.resource(refs.subjectaccessreviews).create({
      apiVersion: "authorization.k8s.io/v1",
      kind: "SubjectAccessReview",
      metadata: {},
      spec: { user, groups, resourceAttributes: { verb, group, version, resource: "flunders", namespace, name } },
    })
    return review.status?.allowed === true
  }

  const announce = (type: string, object: Flunder): void => {
    for (const watcher of watchers) watcher.write(`${JSON.stringify({ type, object })}\n`)
  }

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const socket = request.socket as TLSSocket
    const commonName = socket.getPeerCertificate().subject?.CN
    if (!socket.authorized || typeof commonName !== "string" || !names.includes(commonName)) {
      send(response, 401, { kind: "Status", status: "Failure", reason: "Unauthorized", code: 401 })
      return
    }
    const url = new URL(request.url ?? "/", "https://extension")
    if (!state.isHealthy) return send(response, 500, {})
    if (url.pathname === "/apis" || url.pathname === "/openapi/v2") return openings(response, url)
    if (url.pathname === root) {
      return send(response, 200, {
        kind: "APIResourceList",
        apiVersion: "v1",
        groupVersion: `${group}/${version}`,
        resources,
      })
    }
    if (url.pathname.startsWith(`${root}/`)) {
      seen.push({ method: request.method ?? "", path: request.url ?? "", headers: request.headers })
    }
    const match = /^\/namespaces\/([^/]+)\/flunders(?:\/([^/]+))?$/.exec(url.pathname.slice(root.length))
    const [, namespace = "", name = ""] = match ?? []
    const isList = url.pathname === `${root}/flunders` || (match && !name)
    if (!match && !isList) return send(response, 404, { kind: "Status", status: "Failure", code: 404 })
    const verbs: Record<string, string> = { GET: name ? "get" : "list", POST: "create", DELETE: "delete" }
    if (!(await isAllowed(request, verbs[request.method ?? ""] ?? "", namespace, name))) {
      return send(response, 403, { kind: "Status", status: "Failure", reason: "Forbidden", code: 403 })
    }
    const key = `${namespace}/${name}`
    if (request.method === "POST") {
      const object = JSON.parse(await textOf(request)) as Flunder
      object.metadata = { ...object.metadata, namespace, uid: `uid-${++revision}`, resourceVersion: String(revision) }
      flunders.set(`${namespace}/${object.metadata.name}`, object)
      announce("ADDED", object)
      return send(response, 201, object)
    }
    if (url.searchParams.get("watch")) {
      response.writeHead(200, { "content-type": "application/json" })
      response.flushHeaders()
      watchers.add(response)
      response.on("close", () => watchers.delete(response))
      return
    }
    if (isList) {
      const items = [...flunders.values()].filter((one) => !namespace || one.metadata.namespace === namespace)
      const metadata = { resourceVersion: String(revision) }
      return send(response, 200, { kind: "FlunderList", apiVersion: `${group}/${version}`, metadata, items })
    }
    const object = flunders.get(key)
    if (!object) {
      const message = `flunders.${group} "${name}" not found`
      return send(response, 404, {
        kind: "Status",
        apiVersion: "v1",
        status: "Failure",
        message,
        reason: "NotFound",
        code: 404,
      })
    }
    if (request.method === "DELETE") {
      flunders.delete(key)
      announce("DELETED", object)
    }
    send(response, 200, object)
  }

  const server: Server = createServer(
    {
      cert: serving.certificate,
      key: serving.key,
      ca: trust.data?.["requestheader-client-ca-file"] ?? "",
      requestCert: true,
      rejectUnauthorized: false,
    },
    (request, response) =>
      void serve(request, response).catch((error: Error) => send(response, 500, { message: error.message })),
  )
  server.on("upgrade", (request, socket) => {
    seen.push({ method: "UPGRADE", path: request.url ?? "", headers: request.headers })
    socket.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n\r\n")
    socket.pipe(socket)
  })
  const sockets = new Set<Socket>()
  server.on("connection", (socket: Socket) => {
    sockets.add(socket)
    socket.on("close", () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  return {
    port: (server.address() as AddressInfo).port,
    seen,
    get isHealthy() {
      return state.isHealthy
    },
    set isHealthy(value: boolean) {
      state.isHealthy = value
    },
    stop: () =>
      new Promise((resolve) => {
        for (const watcher of watchers) watcher.end()
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}

const schema = {
  type: "object",
  description: "A thing that is told apart by its reference.",
  properties: {
    apiVersion: { type: "string" },
    kind: { type: "string" },
    spec: { type: "object", properties: { reference: { type: "string", description: "What it refers to." } } },
  },
  "x-kubernetes-group-version-kind": [{ group, version, kind: "Flunder" }],
}

function openings(response: ServerResponse, url: URL): void {
  if (url.pathname === "/openapi/v2") {
    const name = "com.example.wardle.v1alpha1.Flunder"
    send(response, 200, {
      swagger: "2.0",
      info: { title: "wardle", version: "1" },
      paths: {
        [`${root}/namespaces/{namespace}/flunders`]: {
          get: { operationId: "listFlunders", responses: { 200: { description: "OK" } } },
          post: {
            operationId: "createFlunder",
            parameters: [{ name: "body", in: "body", required: true, schema: { $ref: `#/definitions/${name}` } }],
            responses: { 201: { description: "Created", schema: { $ref: `#/definitions/${name}` } } },
          },
        },
        "/version/": { get: { operationId: "getVersion", responses: {} } },
      },
      definitions: { [name]: schema },
    })
    return
  }
  // An older server: it knows only the plain list, whatever is asked for.
  send(response, 200, { kind: "APIGroupList", apiVersion: "v1", groups: [{ name: group }] })
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = ""
  for await (const chunk of request) text += String(chunk)
  return text
}
