import { connect } from "node:net"
import type { corev1 } from "@ladya/api"
import { isCriError, type RuntimeService } from "@ladya/cri"
import { type Clock, timeoutSignal } from "@ladya/util"
import { grpcHealth } from "./grpc.ts"
import { actionUrl, dialErrorText, HttpError, httpGet, resolvePort } from "./http.ts"

export interface ProbeOutcome {
  /** `warning` counts as success, and is told as an event. */
  result: "success" | "warning" | "failure"
  output: string
}

export interface ProbeTarget {
  container: corev1.Container
  containerId: string
  podIp: string
  /** The container's environment is not known to the probe: commands are taken as they are. */
  signal: AbortSignal
}

/** Runs a probe once. Throws when it could not be run at all, which says nothing of the container. */
export interface ProbeRunner {
  run(probe: corev1.Probe, target: ProbeTarget): Promise<ProbeOutcome>
}

export interface ProbeRunnerDeps {
  runtime: RuntimeService
  clock: Clock
}

const userAgent = "kube-probe/1.36"
const outputLimit = 10 * 1024
const redirectLimit = 10

const timeoutOf = (probe: corev1.Probe): number => Math.max(1, probe.timeoutSeconds ?? 1)

export function newProbeRunner({ runtime, clock }: ProbeRunnerDeps): ProbeRunner {
  async function exec(probe: corev1.Probe, target: ProbeTarget): Promise<ProbeOutcome> {
    const command = probe.exec?.command ?? []
    const seconds = timeoutOf(probe)
    try {
      const { exitCode, stdout, stderr } = await runtime.execSync(target.containerId, command, {
        execTimeoutSeconds: seconds,
        signal: target.signal,
      })
      const output = Buffer.concat([stdout, stderr]).subarray(0, outputLimit).toString("utf8")
      return { result: exitCode === 0 ? "success" : "failure", output }
    } catch (error) {
      if (!isCriError(error, "DEADLINE_EXCEEDED")) throw error
      const text = `command timed out: ${JSON.stringify(command.join(" "))} timed out after ${seconds}s`
      return { result: "failure", output: text }
    }
  }

  async function http(probe: corev1.Probe, target: ProbeTarget): Promise<ProbeOutcome> {
    const action = probe.httpGet as corev1.HTTPGetAction
    let url = actionUrl(action, target.podIp, resolvePort(action.port, target.container))
    const host = url.hostname
    const headers = action.httpHeaders ?? []
    for (let hops = 0; ; hops++) {
      const timeoutMs = timeoutOf(probe) * 1000
      const answer = await httpGet({ url, headers, userAgent, timeoutMs, signal: target.signal }, clock).catch(
        (error: unknown) => {
          if (error instanceof HttpError) return error
          throw error
        },
      )
      if (answer instanceof HttpError) return { result: "failure", output: answer.message }
      const { status, body, location } = answer
      if (status >= 300 && status < 400 && location !== undefined) {
        const next = URL.parse(location, url.href)
        // A redirect to another host is not followed: whoever answers there is not this container.
        if (!next || next.hostname !== host)
          return { result: "warning", output: `Probe terminated redirects, Response body: ${body}` }
        if (hops >= redirectLimit)
          return { result: "failure", output: `Get ${JSON.stringify(url.href)}: stopped after 10 redirects` }
        url = next
        continue
      }
      if (status >= 200 && status < 400) return { result: "success", output: body }
      return { result: "failure", output: `HTTP probe failed with statuscode: ${status}` }
    }
  }

  async function tcp(probe: corev1.Probe, target: ProbeTarget): Promise<ProbeOutcome> {
    const action = probe.tcpSocket as corev1.TCPSocketAction
    const host = action.host || target.podIp
    const port = resolvePort(action.port, target.container)
    const timeout = timeoutSignal(clock, timeoutOf(probe) * 1000, target.signal)
    try {
      await new Promise<void>((resolve, reject) => {
        const socket = connect({ host, port })
        const end = (finish: () => void) => () => {
          timeout.signal.removeEventListener("abort", abort)
          socket.destroy()
          finish()
        }
        const abort = end(() => reject(timeout.signal.reason))
        timeout.signal.addEventListener("abort", abort, { once: true })
        socket.once("connect", end(resolve))
        socket.once("error", (error) => end(() => reject(error))())
      })
      return { result: "success", output: "" }
    } catch (error) {
      target.signal.throwIfAborted()
      const fallback = timeout.signal.aborted ? `dial tcp ${host}:${port}: i/o timeout` : String(error)
      return { result: "failure", output: dialErrorText(error, host, port) ?? fallback }
    } finally {
      timeout.clear()
    }
  }

  async function grpc(probe: corev1.Probe, target: ProbeTarget): Promise<ProbeOutcome> {
    const { port, service = "" } = probe.grpc as corev1.GRPCAction
    const timeoutMs = timeoutOf(probe) * 1000
    const verdict = await grpcHealth({ host: target.podIp, port, service, timeoutMs, signal: target.signal }, clock)
    return { result: verdict.healthy ? "success" : "failure", output: verdict.output }
  }

  return {
    run(probe, target) {
      if (probe.exec) return exec(probe, target)
      if (probe.httpGet) return http(probe, target)
      if (probe.tcpSocket) return tcp(probe, target)
      if (probe.grpc) return grpc(probe, target)
      return Promise.reject(new Error(`missing probe handler for container ${target.container.name}`))
    },
  }
}
