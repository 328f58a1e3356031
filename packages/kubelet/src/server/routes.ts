import { stat } from "node:fs/promises"
import type { IncomingMessage, ServerResponse } from "node:http"
import { connect } from "node:net"
import type { Duplex } from "node:stream"
import { pipeline } from "node:stream/promises"
import type { corev1 } from "@ladya/api"
import { type Clock, errorMessage, joinSockets, type MetricsRegistry } from "@ladya/util"
import { LogOptionsError, parseLogOptions } from "./logs/options.ts"
import { readLog } from "./logs/reader.ts"
import { resourceMetrics } from "./stats/resource-metrics.ts"
import type { StatsSampler } from "./stats/sampler.ts"
import { summary } from "./stats/summary.ts"
import {
  HttpError,
  passUpgrade,
  portsOf,
  type StreamingRuntime,
  speaksOnlyNewerProtocols,
  streamsOf,
} from "./streaming.ts"
import type { ContainerHandle, PodSource } from "./types.ts"
import { translateStreams, wantsClosing } from "./websocket/translate.ts"

export interface RouteDeps {
  pods: PodSource
  runtime: StreamingRuntime
  sampler: StatsSampler
  metrics: MetricsRegistry
  clock: Clock
  nodeName: string
  bootTimeMs: number
  /** The agent's data directory. */
  dataDirectory: string
}

interface Target {
  pod: corev1.Pod
  containerName: string
}

/** `/<word>/<namespace>/<pod>[/<uid>]/<container>`, decoded. */
function partsOf(url: URL): string[] {
  return url.pathname.split("/").slice(2).map(decodeURIComponent)
}

function podOf(pods: PodSource, namespace: string | undefined, name: string | undefined): corev1.Pod {
  const pod = namespace && name ? pods.pod(namespace, name) : undefined
  if (!pod) throw new HttpError(404, "pod does not exist")
  return pod
}

function targetOf(pods: PodSource, url: URL): Target {
  const [namespace, name, ...rest] = partsOf(url)
  const pod = podOf(pods, namespace, name)
  const containerName = rest.at(-1)
  if (!containerName) throw new HttpError(400, "a container name is required")
  if (rest.length === 2 && rest[0] !== pod.metadata.uid) throw new HttpError(404, "pod does not exist")
  return { pod, containerName }
}

async function runningContainer(
  pods: PodSource,
  target: Target,
  missing = `container not found (${JSON.stringify(target.containerName)})`,
): Promise<ContainerHandle & { containerId: string }> {
  const handle = await pods.container(target.pod, target.containerName)
  const { containerId } = handle ?? {}
  if (!handle || !containerId || !handle.running) {
    throw new HttpError(500, missing)
  }
  return { ...handle, containerId }
}

/** Requests of one word below `/`. */
export interface Routes {
  /** Answers a plain request; false when there is no such path. */
  handle(request: IncomingMessage, response: ServerResponse, url: URL, signal: AbortSignal): Promise<boolean>
  /** Takes over the connection; throws an HttpError before anything was written to it. */
  upgrade(request: IncomingMessage, client: { socket: Duplex; head: Buffer }, url: URL): Promise<void>
  /** HTTP CONNECT: a connection to `host:port` as this node sees it. */
  connect(request: IncomingMessage, client: { socket: Duplex; head: Buffer }): Promise<void>
}

const isFile = (path: string): Promise<boolean> =>
  stat(path).then(
    (info) => info.isFile(),
    () => false,
  )

function answer(response: ServerResponse, contentType: string, body: string | Buffer): true {
  response.writeHead(200, { "Content-Type": contentType, "Content-Length": Buffer.byteLength(body) })
  response.end(body)
  return true
}

const json = (response: ServerResponse, value: object): true =>
  answer(response, "application/json", JSON.stringify(value))

export function newRoutes(deps: RouteDeps): Routes {
  const { pods, runtime, sampler } = deps

  const containerLogs = async (url: URL, response: ServerResponse, signal: AbortSignal): Promise<true> => {
    const { pod, containerName } = targetOf(pods, url)
    const options = logOptions(url.searchParams)
    const handle = await pods.container(pod, containerName, { previous: options.previous })
    const where = `container ${JSON.stringify(containerName)} in pod ${JSON.stringify(pod.metadata.name)}`
    if (!handle) {
      if (!options.previous) {
        throw new HttpError(
          404,
          `container ${JSON.stringify(containerName)} not found in pod ${JSON.stringify(pod.metadata.name)}`,
        )
      }
      throw new HttpError(400, `previous terminated ${where} not found`)
    }
    const { containerId, logPath } = handle
    if (!containerId || !logPath) throw new HttpError(400, `${where} ${whyNoLog(handle.waitingReason)}`)
    if (!(await isFile(logPath))) {
      return answer(response, "text/plain", `unable to retrieve container logs for containerd://${containerId}`)
    }
    const text = readLog({
      path: logPath,
      options,
      signal,
      ended: (until) => (handle.running ? pods.waitForExit(containerId, until) : Promise.resolve()),
    })
    response.writeHead(200, { "Content-Type": "text/plain", "Transfer-Encoding": "chunked" })
    // A client that follows wants to know that it is connected before the first line comes.
    response.flushHeaders()
    await pipeline(text, response)
    return true
  }

  const logOptions = (query: URLSearchParams) => {
    try {
      return parseLogOptions(query, deps.clock.now())
    } catch (error) {
      if (error instanceof LogOptionsError) throw new HttpError(400, error.message)
      throw error
    }
  }

  /** `/run/<namespace>/<pod>/<container>?cmd=…`: runs a command to its end and answers with its output. */
  const run = async (url: URL, response: ServerResponse): Promise<true> => {
    const handle = await runningContainer(pods, targetOf(pods, url))
    const command = url.searchParams.getAll("cmd").flatMap((text) => text.split(" "))
    if (command.length === 0) throw new HttpError(400, "cmd is required")
    const { stdout, stderr, exitCode } = await runtime.execSync(handle.containerId, command)
    const output = Buffer.concat([stdout, stderr])
    if (exitCode !== 0) throw new HttpError(500, `${output}command terminated with exit code ${exitCode}`)
    return answer(response, "text/plain", output)
  }

  const stats = async (url: URL, response: ServerResponse): Promise<boolean> => {
    if (url.pathname !== "/stats/summary") return false
    const onlyCpuAndMemory = url.searchParams.get("only_cpu_and_memory") === "true"
    return json(response, await summary(sampler, { ...deps, onlyCpuAndMemory }))
  }

  const metrics = async (url: URL, response: ServerResponse): Promise<boolean> => {
    const contentType = "text/plain; version=0.0.4; charset=utf-8"
    if (url.pathname === "/metrics") return answer(response, contentType, deps.metrics.render())
    if (url.pathname === "/metrics/resource") return answer(response, contentType, await resourceMetrics(sampler))
    return false
  }

  const streamUrl = async (url: URL): Promise<string> => {
    const word = url.pathname.split("/")[1]
    const query = url.searchParams
    if (word === "portForward") {
      const [namespace, name] = partsOf(url)
      const pod = podOf(pods, namespace, name)
      const ports = portsOf(query)
      const sandboxId = await pods.sandboxId(pod)
      if (!sandboxId) throw new HttpError(500, `pod ${pod.metadata.name} is not running`)
      return runtime.portForward(sandboxId, ports)
    }
    if (word !== "exec" && word !== "attach") throw new HttpError(404, "404 page not found")
    const target = targetOf(pods, url)
    const streams = streamsOf(query)
    const { namespace, name } = target.pod.metadata
    const missing = `container ${target.containerName} not found in pod ${name}_${namespace}`
    const { containerId } = await runningContainer(pods, target, word === "attach" ? missing : undefined)
    if (word === "attach") return runtime.attach(containerId, streams)
    const command = query.getAll("command")
    if (command.length === 0) throw new HttpError(400, "a command is required")
    return runtime.exec(containerId, { command, ...streams })
  }

  return {
    async handle(request, response, url, signal) {
      const read = request.method === "GET" || request.method === "HEAD"
      switch (url.pathname.split("/")[1]) {
        case "healthz":
          return url.pathname.split("/").length <= 3 && answer(response, "text/plain; charset=utf-8", "ok")
        case "pods":
        case "runningpods":
          return read && json(response, { kind: "PodList", apiVersion: "v1", metadata: {}, items: pods.pods() })
        case "containerLogs":
          return read && containerLogs(url, response, signal)
        case "run":
          return request.method === "POST" && run(url, response)
        case "stats":
          return read && stats(url, response)
        case "metrics":
          return read && metrics(url, response)
        case "exec":
        case "attach":
        case "portForward":
          throw new HttpError(400, "Upgrade request required")
        default:
          return false
      }
    },

    async upgrade(request, client, url) {
      if (speaksOnlyNewerProtocols(request)) {
        throw new HttpError(400, "unable to upgrade: the runtime speaks SPDY/3.1 and v4.channel.k8s.io")
      }
      const address = await streamUrl(url).catch((error: unknown) => {
        throw error instanceof HttpError ? error : new HttpError(500, errorMessage(error))
      })
      const isPortForward = url.pathname.startsWith("/portForward/")
      const streams = isPortForward || !wantsClosing(request) ? undefined : streamsOf(url.searchParams)
      // Without input nothing is to be closed: then the runtime's own WebSocket does.
      if (streams?.stdin) {
        await translateStreams(request, client, address, streams).catch((error: unknown) => {
          throw new HttpError(500, errorMessage(error))
        })
        return
      }
      await passUpgrade(request, client, address)
    },

    async connect(request, { socket, head }) {
      const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:]+)):(\d{1,5})$/.exec(request.url ?? "")
      const host = match?.[1] ?? match?.[2]
      const port = Number(match?.[3])
      if (!host || port < 1 || port > 65535) throw new HttpError(400, "host:port is required")
      const upstream = connect({ host, port, allowHalfOpen: true })
      await new Promise<void>((resolve, reject) => {
        upstream.once("connect", resolve)
        upstream.once("error", (error) => reject(new HttpError(502, errorMessage(error))))
        socket.once("close", () => upstream.destroy())
      })
      socket.write("HTTP/1.1 200 Connection established\r\n\r\n")
      if (head.length > 0) upstream.write(head)
      joinSockets(socket, upstream)
    },
  }
}

/** Why a container has no log yet, as `kubectl logs` shows it. */
function whyNoLog(reason: string | undefined): string {
  if (reason === "ErrImagePull" || reason === "ImagePullBackOff") {
    return "is waiting to start: trying and failing to pull image"
  }
  return reason ? `is waiting to start: ${reason}` : "is not available"
}
