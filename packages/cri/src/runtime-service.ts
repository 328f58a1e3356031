import type { Channel } from "./channel.ts"
import type { CallOptions, RuntimeService } from "./client.ts"
import {
  decodeContainer,
  decodeContainerStats,
  decodeContainerStatus,
  decodeSandbox,
  decodeSandboxStatus,
  type RawContainer,
  type RawContainerStats,
  type RawContainerStatus,
  type RawSandbox,
  type RawSandboxStatus,
} from "./decode.ts"
import { isCriError } from "./error.ts"
import type { ContainerFilter, RuntimeCondition, RuntimeVersion, SandboxFilter, StringMap } from "./types.ts"

interface RawStatus {
  status: { conditions: RuntimeCondition[] } | null
  info: StringMap
  runtimeHandlers: {
    name: string
    features: { recursiveReadOnlyMounts: boolean; userNamespaces: boolean } | null
  }[]
}

const sandboxFilter = ({ state, ...rest }: SandboxFilter): object => ({
  ...rest,
  ...(state ? { state: { state } } : {}),
})
const containerFilter = ({ state, ...rest }: ContainerFilter): object => ({
  ...rest,
  ...(state ? { state: { state } } : {}),
})

/** The runtime half of the interface over a channel. `timeoutMs` is the deadline of ordinary calls. */
export function newRuntimeService(channel: Channel, timeoutMs: number): RuntimeService {
  const call = async <R>(method: string, request: object, options: CallOptions = {}, extraMs = 0): Promise<R> =>
    (await channel.unary(method, request, {
      ...(options.signal ? { signal: options.signal } : {}),
      timeoutMs: options.timeoutMs ?? timeoutMs + extraMs,
    })) as R

  /** Runs a call for which "it is not there" is as good as done. */
  const gone = async (method: string, request: object, options?: CallOptions, extraMs = 0): Promise<void> => {
    try {
      await call(method, request, options, extraMs)
    } catch (error) {
      if (!isCriError(error, "NOT_FOUND")) throw error
    }
  }

  const url = async (method: string, request: object, options?: CallOptions): Promise<string> =>
    (await call<{ url: string }>(method, request, options)).url

  return {
    version: (options) => call<RuntimeVersion>("Version", { version: "v1" }, options),

    async status(options) {
      const raw = await call<RawStatus>("Status", { verbose: options?.verbose ?? false }, options)
      return {
        conditions: raw.status?.conditions ?? [],
        info: raw.info,
        handlers: raw.runtimeHandlers.map(({ name, features }) => ({
          name,
          recursiveReadOnlyMounts: features?.recursiveReadOnlyMounts ?? false,
          userNamespaces: features?.userNamespaces ?? false,
        })),
      }
    },

    async updatePodCidr(podCidr, options) {
      await call("UpdateRuntimeConfig", { runtimeConfig: { networkConfig: { podCidr } } }, options)
    },

    async runPodSandbox(config, options) {
      const request = { config, runtimeHandler: options?.runtimeHandler ?? "" }
      // Network set-up is part of it: twice the time, as upstream gives it.
      const { podSandboxId } = await call<{ podSandboxId: string }>("RunPodSandbox", request, options, timeoutMs)
      return podSandboxId
    },
    stopPodSandbox: (podSandboxId, options) => gone("StopPodSandbox", { podSandboxId }, options),
    removePodSandbox: (podSandboxId, options) => gone("RemovePodSandbox", { podSandboxId }, options),
    async podSandboxStatus(podSandboxId, options) {
      const request = { podSandboxId, verbose: options?.verbose ?? false }
      const raw = await call<{ status: RawSandboxStatus; info: StringMap }>("PodSandboxStatus", request, options)
      return decodeSandboxStatus(raw.status, raw.info)
    },
    async listPodSandboxes(filter = {}, options) {
      const raw = await call<{ items: RawSandbox[] }>("ListPodSandbox", { filter: sandboxFilter(filter) }, options)
      return raw.items.map(decodeSandbox)
    },

    async createContainer(podSandboxId, config, sandboxConfig, options) {
      const request = { podSandboxId, config, sandboxConfig }
      return (await call<{ containerId: string }>("CreateContainer", request, options)).containerId
    },
    async startContainer(containerId, options) {
      await call("StartContainer", { containerId }, options)
    },
    stopContainer: (containerId, graceSeconds, options) =>
      gone("StopContainer", { containerId, timeout: graceSeconds }, options, graceSeconds * 1000),
    removeContainer: (containerId, options) => gone("RemoveContainer", { containerId }, options),
    async listContainers(filter = {}, options) {
      const request = { filter: containerFilter(filter) }
      const raw = await call<{ containers: RawContainer[] }>("ListContainers", request, options)
      return raw.containers.map(decodeContainer)
    },
    async containerStatus(containerId, options) {
      const request = { containerId, verbose: options?.verbose ?? false }
      const raw = await call<{ status: RawContainerStatus; info: StringMap }>("ContainerStatus", request, options)
      return decodeContainerStatus(raw.status, raw.info)
    },
    async updateContainerResources(containerId, linux, options) {
      await call("UpdateContainerResources", { containerId, linux }, options)
    },
    async reopenContainerLog(containerId, options) {
      await call("ReopenContainerLog", { containerId }, options)
    },

    execSync(containerId, command, options) {
      const timeout = options?.execTimeoutSeconds ?? 0
      const request = { containerId, cmd: [...command], timeout }
      // Without a limit of its own the command may run for ever, as upstream's may.
      return call("ExecSync", request, timeout === 0 ? { timeoutMs: 0, ...options } : options, timeout * 1000)
    },
    exec: (containerId, { command, ...rest }, options) =>
      url("Exec", { containerId, cmd: [...command], ...rest }, options),
    attach: (containerId, request, options) => url("Attach", { containerId, ...request }, options),
    portForward: (podSandboxId, ports, options) => url("PortForward", { podSandboxId, port: [...ports] }, options),

    async containerStats(containerId, options) {
      const raw = await call<{ stats: RawContainerStats }>("ContainerStats", { containerId }, options)
      return decodeContainerStats(raw.stats)
    },
    async listContainerStats(filter = {}, options) {
      const raw = await call<{ stats: RawContainerStats[] }>("ListContainerStats", { filter }, options)
      return raw.stats.map(decodeContainerStats)
    },
  }
}
