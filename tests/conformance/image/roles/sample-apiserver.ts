import { readFileSync } from "node:fs"
import type { IncomingMessage, ServerResponse } from "node:http"
import { createServer, request as httpsRequest } from "node:https"
import type { TLSSocket } from "node:tls"
import { option } from "../options.ts"

type Json = Record<string, unknown>
interface Flunder extends Json {
  metadata: { name: string; namespace: string; uid: string; resourceVersion: string } & Json
}

const group = "wardle.example.com"
const version = "v1alpha1"
const root = `/apis/${group}/${version}`
const account = "/var/run/secrets/kubernetes.io/serviceaccount"

/** A request to the cluster's API in the name of the pod's service account. */
function api(method: string, path: string, body?: Json): Promise<{ status: number; json: Json }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; json: Json }>()
  const request = httpsRequest(
    {
      host: process.env["KUBERNETES_SERVICE_HOST"],
      port: process.env["KUBERNETES_SERVICE_PORT"],
      method,
      path,
      ca: readFileSync(`${account}/ca.crt`),
      headers: {
        authorization: `Bearer ${readFileSync(`${account}/token`, "utf8")}`,
        "content-type": "application/json",
      },
    },
    (answer) => {
      textOf(answer).then((text) => resolve({ status: answer.statusCode ?? 0, json: JSON.parse(text) as Json }), reject)
    },
  )
  request.on("error", reject)
  request.end(body ? JSON.stringify(body) : undefined)
  return promise
}

async function textOf(message: IncomingMessage): Promise<string> {
  let text = ""
  message.setEncoding("utf8")
  for await (const chunk of message) text += chunk
  return text
}

/** Whom to believe, from the cluster's ConfigMap: asked until the right to read it is there. */
async function readTrust(): Promise<Record<string, string>> {
  for (;;) {
    const path = "/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication"
    const { status, json } = await api("GET", path).catch(() => ({ status: 0, json: {} as Json }))
    if (status === 200) return json["data"] as Record<string, string>
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
}

const send = (response: ServerResponse, code: number, body: Json): void => {
  response.writeHead(code, { "content-type": "application/json" }).end(JSON.stringify(body))
}
const failure = (code: number, reason: string, message: string): Json => ({
  ...{ kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", code, reason, message },
})

const resourceList: Json = {
  kind: "APIResourceList",
  apiVersion: "v1",
  groupVersion: `${group}/${version}`,
  resources: [
    {
      ...{ name: "flunders", singularName: "flunder", namespaced: true, kind: "Flunder" },
      verbs: ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"],
    },
  ],
}

/** An API server of its own group, in memory: it takes users from the front proxy and asks the cluster what they may. */
export async function run(args: string[]): Promise<void> {
  const trust = await readTrust()
  const allowedNames = JSON.parse(trust["requestheader-allowed-names"] ?? "[]") as string[]
  const flunders = new Map<string, Flunder>()
  let revision = 0

  const isAllowed = async (request: IncomingMessage, attributes: Json): Promise<boolean> => {
    const { json } = await api("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", {
      kind: "SubjectAccessReview",
      apiVersion: "authorization.k8s.io/v1",
      spec: {
        user: request.headers["x-remote-user"],
        groups: String(request.headers["x-remote-group"] ?? "").split(", "),
        resourceAttributes: { group, version, resource: "flunders", ...attributes },
      },
    })
    return (json["status"] as Json | undefined)?.["allowed"] === true
  }

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const path = new URL(request.url ?? "/", "https://sample").pathname
    if (path === "/readyz") return void response.end("ok")
    const socket = request.socket as TLSSocket
    const name = socket.getPeerCertificate().subject?.CN
    if (!socket.authorized || typeof name !== "string" || !allowedNames.includes(name)) {
      return send(response, 401, failure(401, "Unauthorized", "Unauthorized"))
    }
    if (path === root) return send(response, 200, resourceList)
    const [, namespace, flunder] = /^\/namespaces\/([^/]+)\/flunders(?:\/([^/]+))?$/.exec(path.slice(root.length)) ?? []
    if (!namespace)
      return send(response, 404, failure(404, "NotFound", "the server could not find the requested resource"))
    const verbs: Record<string, string> = {
      GET: flunder ? "get" : "list",
      POST: "create",
      DELETE: flunder ? "delete" : "deletecollection",
    }
    const verb = verbs[request.method ?? ""] ?? ""
    if (!(await isAllowed(request, { namespace, verb, ...(flunder ? { name: flunder } : {}) }))) {
      return send(response, 403, failure(403, "Forbidden", `flunders is forbidden: ${verb}`))
    }
    const own = [...flunders.values()].filter(({ metadata }) => metadata.namespace === namespace)
    switch (verb) {
      case "create": {
        const object = JSON.parse(await textOf(request)) as Flunder
        revision++
        const made = { namespace, uid: `flunder-${revision}`, resourceVersion: String(revision) }
        const creationTimestamp = new Date().toISOString().replace(/\.\d+/, "")
        object.metadata = { ...object.metadata, ...made, creationTimestamp }
        flunders.set(`${namespace}/${object.metadata.name}`, object)
        return send(response, 201, object)
      }
      case "list":
        return send(response, 200, {
          kind: "FlunderList",
          apiVersion: `${group}/${version}`,
          metadata: { resourceVersion: String(revision) },
          items: own,
        })
      case "deletecollection":
        for (const { metadata } of own) flunders.delete(`${namespace}/${metadata.name}`)
        return send(response, 200, { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success" })
    }
    const found = flunders.get(`${namespace}/${flunder}`)
    if (!found) return send(response, 404, failure(404, "NotFound", `flunders.${group} "${flunder}" not found`))
    if (verb === "delete") flunders.delete(`${namespace}/${flunder}`)
    send(response, 200, found)
  }

  const server = createServer(
    {
      cert: readFileSync(option(args, "tls-cert-file", "/certs/tls.crt")),
      key: readFileSync(option(args, "tls-private-key-file", "/certs/tls.key")),
      ca: trust["requestheader-client-ca-file"] ?? "",
      requestCert: true,
      rejectUnauthorized: false,
    },
    (request, response) => {
      serve(request, response).catch((error: Error) => {
        console.error(error.stack)
        send(response, 500, failure(500, "InternalError", error.message))
      })
    },
  )
  server.listen(Number(option(args, "port", "8443")), "0.0.0.0")
}
