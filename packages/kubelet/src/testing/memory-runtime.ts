import {
  type ContainerConfig,
  type ContainerStatus,
  type CriClient,
  CriError,
  type Image,
  type PodSandboxConfig,
  type PodSandboxStatus,
  type RuntimeEvent,
  type RuntimeService,
} from "@ladya/cri"
import type { Clock } from "@ladya/util"

/** What a container does when it is started: goes on until it is stopped, ends at once with this code, or cannot start. */
export type Behaviour = "runs" | number | "cannotStart"

interface MemoryContainer {
  sandboxId: string
  status: ContainerStatus
}

const image: Image = {
  ...{ id: "sha256:1", repoTags: [], repoDigests: [], sizeBytes: 1 },
  ...{ uid: undefined, username: "", pinned: false, info: {} },
}

/** A container runtime in memory, for tests: sandboxes and containers without processes, and its events. */
export class MemoryRuntime {
  readonly sandboxes = new Map<string, PodSandboxStatus>()
  readonly containers = new Map<string, MemoryContainer>()
  /** Calls that change something, as `start a`. */
  readonly calls: string[] = []
  /** By container name; `runs` unless told. */
  readonly behaviours = new Map<string, Behaviour>()
  /** When set, called before each call: throw to make it fail. */
  intercept: ((method: string) => void) | undefined
  readonly #clock: Clock
  readonly #events: RuntimeEvent[] = []
  #told = Promise.withResolvers<void>()
  #ids = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The container ends by itself. */
  end(name: string, exitCode: number): void {
    for (const { status } of this.containers.values()) {
      if (status.metadata.name === name && status.state === "CONTAINER_RUNNING") this.#exit(status, exitCode)
    }
  }

  /** The sandbox ends by itself, with what runs in it. */
  endSandbox(id: string): void {
    this.#stopSandbox(id)
    this.tell({ type: "taskExited", containerId: id, exitCode: 137, exitedAtMs: this.#clock.now() })
  }

  /** The runtime's events have this one. */
  tell(event: RuntimeEvent): void {
    this.#events.push(event)
    this.#told.resolve()
    this.#told = Promise.withResolvers<void>()
  }

  get cri(): CriClient {
    const { runtime } = this
    return {
      runtime,
      images: {
        list: async () => [image],
        status: async () => image,
        pull: async () => image.id,
        remove: async () => undefined,
        fsInfo: async () => [],
      },
      events: (options) => this.#stream(options.signal, options.onConnected),
      close: () => undefined,
    }
  }

  get runtime(): RuntimeService {
    const never = (method: string) => () => Promise.reject(new CriError("UNIMPLEMENTED", "not here", method))
    const call =
      <A extends unknown[], R>(method: string, work: (...args: A) => R) =>
      async (...args: A): Promise<R> => {
        await Promise.resolve()
        this.intercept?.(method)
        return work(...args)
      }
    return {
      version: never("Version"),
      status: never("Status"),
      updatePodCidr: never("UpdateRuntimeConfig"),
      runPodSandbox: call("RunPodSandbox", (config: PodSandboxConfig) => this.#runSandbox(config)),
      stopPodSandbox: call("StopPodSandbox", (id: string) => this.#stopSandbox(id)),
      removePodSandbox: call("RemovePodSandbox", (id: string) => this.#removeSandbox(id)),
      podSandboxStatus: call("PodSandboxStatus", (id: string) => found(this.sandboxes.get(id), id)),
      listPodSandboxes: call("ListPodSandbox", (filter?: { labelSelector?: Record<string, string> }) =>
        [...this.sandboxes.values()].filter(({ labels }) => selected(labels, filter?.labelSelector)),
      ),
      createContainer: call("CreateContainer", (sandboxId: string, config: ContainerConfig) =>
        this.#create(sandboxId, config),
      ),
      startContainer: call("StartContainer", (id: string) => this.#start(id)),
      stopContainer: call("StopContainer", (id: string, grace: number) => this.#stop(id, grace)),
      removeContainer: call("RemoveContainer", (id: string) => void this.containers.delete(id)),
      listContainers: call("ListContainers", (filter?: { labelSelector?: Record<string, string> }) =>
        [...this.containers.values()]
          .filter(({ status }) => selected(status.labels, filter?.labelSelector))
          .map(({ sandboxId, status }) => ({ ...status, podSandboxId: sandboxId })),
      ),
      containerStatus: call("ContainerStatus", (id: string) => ({ ...found(this.containers.get(id), id).status })),
      updateContainerResources: call("UpdateContainerResources", (id: string) => void this.calls.push(`update ${id}`)),
      reopenContainerLog: never("ReopenContainerLog"),
      execSync: never("ExecSync"),
      exec: never("Exec"),
      attach: never("Attach"),
      portForward: never("PortForward"),
      containerStats: never("ContainerStats"),
      listContainerStats: never("ListContainerStats"),
    }
  }

  #runSandbox(config: PodSandboxConfig): string {
    const id = `sandbox${++this.#ids}`
    this.calls.push(`sandbox ${config.metadata.name}/${config.metadata.attempt}`)
    this.sandboxes.set(id, {
      ...{ id, metadata: config.metadata, state: "SANDBOX_READY", createdAtMs: this.#clock.now() },
      ...{ labels: config.labels ?? {}, annotations: config.annotations ?? {}, runtimeHandler: "" },
      ...{ ips: [`10.0.0.${this.#ids}`], namespaces: { network: "POD" }, info: {} },
    })
    return id
  }

  #stopSandbox(id: string): void {
    const sandbox = this.sandboxes.get(id)
    if (!sandbox) return
    sandbox.state = "SANDBOX_NOTREADY"
    for (const { sandboxId, status } of this.containers.values()) {
      if (sandboxId === id && status.state === "CONTAINER_RUNNING") this.#exit(status, 137)
    }
  }

  #removeSandbox(id: string): void {
    this.#stopSandbox(id)
    this.sandboxes.delete(id)
    for (const [key, { sandboxId }] of this.containers) if (sandboxId === id) this.containers.delete(key)
  }

  #create(sandboxId: string, config: ContainerConfig): string {
    const id = `container${++this.#ids}`
    this.containers.set(id, {
      sandboxId,
      status: {
        ...{ id, metadata: config.metadata, state: "CONTAINER_CREATED", createdAtMs: this.#clock.now() },
        ...{ startedAtMs: 0, finishedAtMs: 0, exitCode: 0, reason: "", message: "", info: {} },
        ...{ image: config.image.image, imageRef: "sha256:1", imageId: "sha256:1", logPath: "" },
        ...{ labels: config.labels ?? {}, annotations: config.annotations ?? {}, mounts: config.mounts ?? [] },
      },
    })
    return id
  }

  #start(id: string): void {
    const { status } = found(this.containers.get(id), id)
    const behaviour = this.behaviours.get(status.metadata.name) ?? "runs"
    this.calls.push(`start ${status.metadata.name}/${status.metadata.attempt}`)
    if (behaviour === "cannotStart") {
      Object.assign(status, {
        state: "CONTAINER_EXITED",
        exitCode: 128,
        reason: "StartError",
        finishedAtMs: this.#clock.now(),
      })
      throw new CriError("UNKNOWN", "no such command", "StartContainer")
    }
    Object.assign(status, { state: "CONTAINER_RUNNING", startedAtMs: this.#clock.now() })
    if (behaviour !== "runs") this.#exit(status, behaviour)
  }

  #stop(id: string, graceSeconds: number): void {
    const container = this.containers.get(id)
    if (container?.status.state !== "CONTAINER_RUNNING") return
    this.calls.push(`stop ${container.status.metadata.name} ${graceSeconds}`)
    this.#exit(container.status, 143)
  }

  #exit(status: ContainerStatus, exitCode: number): void {
    const reason = exitCode === 0 ? "Completed" : "Error"
    Object.assign(status, { state: "CONTAINER_EXITED", exitCode, reason, finishedAtMs: this.#clock.now() })
    this.tell({ type: "taskExited", containerId: status.id, exitCode, exitedAtMs: this.#clock.now() })
  }

  async *#stream(signal: AbortSignal, onConnected?: () => void): AsyncIterable<RuntimeEvent> {
    const ended = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }))
    onConnected?.()
    for (let next = this.#events.length; !signal.aborted; ) {
      const event = this.#events[next]
      if (event) {
        next++
        yield event
      } else await Promise.race([this.#told.promise, ended])
    }
  }
}

function found<T>(value: T | undefined, id: string): T {
  if (value === undefined) throw new CriError("NOT_FOUND", `no ${id}`, "")
  return value
}

function selected(labels: Record<string, string>, selector: Record<string, string> = {}): boolean {
  return Object.entries(selector).every(([name, value]) => labels[name] === value)
}
