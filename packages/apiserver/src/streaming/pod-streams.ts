import type { corev1 } from "@ladya/api"
import { newStatusError, statusError } from "@ladya/apimachinery"
import { joinSockets } from "@ladya/util"
import { type ApiRequest, type ApiResponse, type Handler, hijacked } from "../request.ts"
import { kubeletAddress, type NodeDialer } from "./dialer.ts"
import type { StreamingLookup } from "./lookup.ts"
import { refuseUpgrade, speaksOnlyNewProtocols, upgradeHead } from "./upgrade.ts"

/** Names of all containers: init, main and ephemeral. */
function containerNames(pod: corev1.Pod): { main: string[]; init: string[]; all: string[] } {
  const main = (pod.spec?.containers ?? []).map((container) => container.name)
  const init = (pod.spec?.initContainers ?? []).map((container) => container.name)
  const ephemeral = (pod.spec?.ephemeralContainers ?? []).map((container) => container.name)
  return { main, init, all: [...main, ...init, ...ephemeral] }
}

/** The container a request is about: the one it names, or the only one there is. */
export function chooseContainer(pod: corev1.Pod, asked: string | null): string {
  const names = containerNames(pod)
  const podName = pod.metadata.name
  if (asked) {
    if (names.all.includes(asked)) return asked
    throw statusError.badRequest(`container ${asked} is not valid for pod ${podName}`)
  }
  if (names.main.length === 1) return names.main[0] as string
  if (names.main.length === 0) throw statusError.badRequest(`a container name must be specified for pod ${podName}`)
  const init = names.init.length > 0 ? ` or one of the init containers: [${names.init.join(" ")}]` : ""
  throw statusError.badRequest(
    `a container name must be specified for pod ${podName}, choose one of: [${names.main.join(" ")}]${init}`,
  )
}

function nodeNameOf(pod: corev1.Pod): string {
  const name = pod.spec?.nodeName
  if (!name) throw statusError.badRequest(`pod ${pod.metadata.name} does not have a host assigned`)
  return name
}

const logParameters = [
  "follow",
  "previous",
  "sinceSeconds",
  "sinceTime",
  "timestamps",
  "tailLines",
  "limitBytes",
  "stream",
]

function nonNegative(name: string, value: string | null, least: number): void {
  if (value === null) return
  if (!/^-?\d+$/.test(value) || Number(value) < least) {
    throw statusError.invalid({ group: "", kind: "PodLogOptions" }, "", [
      {
        type: "FieldValueInvalid",
        field: name,
        badValue: value,
        detail: least === 0 ? "must be greater than or equal to 0" : "must be greater than 0",
      },
    ])
  }
}

/** `pods/log`: the kubelet's stream, as it comes. */
export function newLogHandler(lookup: StreamingLookup, dialer: NodeDialer): Handler {
  return async (request): Promise<ApiResponse> => {
    const { namespace, name } = request.info
    const pod = await lookup.pod(namespace, name)
    const container = chooseContainer(pod, request.query.get("container"))
    nonNegative("tailLines", request.query.get("tailLines"), 0)
    nonNegative("sinceSeconds", request.query.get("sinceSeconds"), 1)
    nonNegative("limitBytes", request.query.get("limitBytes"), 1)
    const text = { "Content-Type": "text/plain" }
    // A pod without a node has said nothing yet.
    if (!pod.spec?.nodeName) return { status: 200, headers: text, body: Buffer.alloc(0) }
    const query = new URLSearchParams()
    for (const parameter of logParameters) {
      const value = request.query.get(parameter)
      if (value !== null) query.set(parameter, value)
    }
    const address = kubeletAddress(await lookup.node(pod.spec.nodeName))
    const answer = await dialer.request(address, {
      method: "GET",
      path: `/containerLogs/${namespace}/${name}/${container}?${query}`,
      signal: request.signal,
    })
    if ((answer.statusCode ?? 500) >= 400) throw await errorOf(answer)
    return { status: 200, headers: text, body: answer }
  }
}

/** The kubelet's plain-text error as a Status. */
async function errorOf(answer: AsyncIterable<Buffer> & { statusCode?: number | undefined }): Promise<Error> {
  const chunks: Buffer[] = []
  for await (const chunk of answer) chunks.push(chunk)
  const text = Buffer.concat(chunks).toString().trim()
  const code = answer.statusCode ?? 500
  if (code === 400) return statusError.badRequest(text)
  if (code === 404) return newStatusError("NotFound", text || "the kubelet does not know the pod")
  return newStatusError("InternalError", text || `the kubelet answered ${code}`)
}

type Location = (request: ApiRequest, pod: corev1.Pod) => string

const streamFlags: Record<string, string> = { stdin: "input", stdout: "output", stderr: "error", tty: "tty" }

function streamQuery(request: ApiRequest): URLSearchParams {
  const query = new URLSearchParams()
  for (const [flag, kubeletFlag] of Object.entries(streamFlags)) {
    if (/^(1|true)$/.test(request.query.get(flag) ?? "")) query.set(kubeletFlag, "1")
  }
  for (const part of request.query.getAll("command")) query.append("command", part)
  return query
}

export const execLocation: Location = (request, pod) => {
  const { namespace, name } = request.info
  const container = chooseContainer(pod, request.query.get("container"))
  const query = streamQuery(request)
  if (!query.has("command")) throw statusError.badRequest("you must specify at least one command for the container")
  if (!["input", "output", "error"].some((flag) => query.has(flag))) {
    throw statusError.badRequest("you must specify at least one of stdin, stdout, stderr")
  }
  return `/exec/${namespace}/${name}/${container}?${query}`
}

export const attachLocation: Location = (request, pod) => {
  const { namespace, name } = request.info
  const query = streamQuery(request)
  if (!["input", "output", "error"].some((flag) => query.has(flag))) {
    throw statusError.badRequest("you must specify at least one of stdin, stdout, stderr")
  }
  return `/attach/${namespace}/${name}/${chooseContainer(pod, request.query.get("container"))}?${query}`
}

export const portForwardLocation: Location = (request) => {
  const { namespace, name } = request.info
  const query = new URLSearchParams()
  for (const ports of request.query.getAll("ports")) query.append("port", ports)
  return `/portForward/${namespace}/${name}?${query}`
}

/** exec, attach and portforward: the upgraded connection joined to the kubelet's. */
export function newUpgradeHandler(lookup: StreamingLookup, dialer: NodeDialer, location: Location): Handler {
  return async (request) => {
    const { namespace, name } = request.info
    const pod = await lookup.pod(namespace, name)
    const path = location(request, pod)
    const address = kubeletAddress(await lookup.node(nodeNameOf(pod)))
    const { upgrade } = request
    if (!upgrade) throw statusError.badRequest("Upgrade request required")
    if (speaksOnlyNewProtocols(request)) {
      refuseUpgrade(
        upgrade.socket,
        400,
        "Bad Request",
        "unable to upgrade: the runtime speaks v4.channel.k8s.io and SPDY/3.1",
      )
      return hijacked
    }
    const upstream = await dialer.connect(address)
    upstream.write(upgradeHead(request, path, `${address.host}:${address.port}`))
    if (upgrade.head.length > 0) upstream.write(upgrade.head)
    joinSockets(upgrade.socket, upstream)
    return hijacked
  }
}
