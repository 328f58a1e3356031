import type {
  AuthConfig,
  Container,
  ContainerConfig,
  ContainerFilter,
  ContainerStats,
  ContainerStatus,
  ExecSyncResult,
  FilesystemUsage,
  Image,
  ImageSpec,
  LinuxContainerResources,
  PodSandbox,
  PodSandboxConfig,
  PodSandboxStatus,
  RuntimeEvent,
  RuntimeStatus,
  RuntimeVersion,
  SandboxFilter,
} from "./types.ts"

export interface CallOptions {
  signal?: AbortSignal
  /** Overrides the call's own deadline; 0 for none. */
  timeoutMs?: number
}

/**
 * Sandboxes and containers. Every call rejects with a CriError that carries the gRPC code.
 * Stopping and removing what is gone already succeeds.
 */
export interface RuntimeService {
  version(options?: CallOptions): Promise<RuntimeVersion>
  status(options?: CallOptions & { verbose?: boolean }): Promise<RuntimeStatus>
  updatePodCidr(podCidr: string, options?: CallOptions): Promise<void>

  /** Creates and starts a sandbox; returns its id. */
  runPodSandbox(config: PodSandboxConfig, options?: CallOptions & { runtimeHandler?: string }): Promise<string>
  stopPodSandbox(id: string, options?: CallOptions): Promise<void>
  removePodSandbox(id: string, options?: CallOptions): Promise<void>
  podSandboxStatus(id: string, options?: CallOptions & { verbose?: boolean }): Promise<PodSandboxStatus>
  listPodSandboxes(filter?: SandboxFilter, options?: CallOptions): Promise<PodSandbox[]>

  /** Returns the container's id. `sandboxConfig` is the one the sandbox was run with. */
  createContainer(
    podSandboxId: string,
    config: ContainerConfig,
    sandboxConfig: PodSandboxConfig,
    options?: CallOptions,
  ): Promise<string>
  startContainer(id: string, options?: CallOptions): Promise<void>
  /** SIGTERM (or the image's stop signal), and SIGKILL after `graceSeconds`; returns when it has ended. */
  stopContainer(id: string, graceSeconds: number, options?: CallOptions): Promise<void>
  removeContainer(id: string, options?: CallOptions): Promise<void>
  listContainers(filter?: ContainerFilter, options?: CallOptions): Promise<Container[]>
  containerStatus(id: string, options?: CallOptions & { verbose?: boolean }): Promise<ContainerStatus>
  updateContainerResources(id: string, resources: LinuxContainerResources, options?: CallOptions): Promise<void>
  /** To be called after the log file was renamed. */
  reopenContainerLog(id: string, options?: CallOptions): Promise<void>

  /** Runs a command to its end; rejects with DEADLINE_EXCEEDED after `execTimeoutSeconds` (0: never). */
  execSync(
    id: string,
    command: readonly string[],
    options?: CallOptions & { execTimeoutSeconds?: number },
  ): Promise<ExecSyncResult>
  /** The address, good for one use, of a stream (SPDY/3.1 or WebSocket) on the runtime's streaming server. */
  exec(
    id: string,
    request: { command: readonly string[]; tty: boolean; stdin: boolean; stdout: boolean; stderr: boolean },
    options?: CallOptions,
  ): Promise<string>
  /** As exec, for the main process. */
  attach(
    id: string,
    request: { tty: boolean; stdin: boolean; stdout: boolean; stderr: boolean },
    options?: CallOptions,
  ): Promise<string>
  /** As exec. Ports must be named when the stream is a WebSocket. */
  portForward(podSandboxId: string, ports: readonly number[], options?: CallOptions): Promise<string>

  containerStats(id: string, options?: CallOptions): Promise<ContainerStats>
  listContainerStats(
    filter?: { id?: string; podSandboxId?: string; labelSelector?: Record<string, string> },
    options?: CallOptions,
  ): Promise<ContainerStats[]>
}

/** Images on the node. */
export interface ImageService {
  list(options?: CallOptions & { image?: string }): Promise<Image[]>
  /** Undefined when the image is not present. */
  status(image: string, options?: CallOptions & { verbose?: boolean }): Promise<Image | undefined>
  /** Returns a reference to what was pulled: an image id or a digest. */
  pull(
    image: string | ImageSpec,
    options?: CallOptions & { auth?: AuthConfig; sandboxConfig?: PodSandboxConfig },
  ): Promise<string>
  remove(image: string, options?: CallOptions): Promise<void>
  fsInfo(options?: CallOptions): Promise<FilesystemUsage[]>
}

export interface CriClient {
  readonly runtime: RuntimeService
  readonly images: ImageService
  /**
   * What happens in the runtime, from now on. The iteration throws when the stream breaks: what happened until the
   * next call must be found by listing. It ends normally when the signal aborts.
   * `onConnected` is called when the connection stands and the stream has been asked for; the runtime takes it up a
   * moment later.
   */
  events(options: { signal: AbortSignal; onConnected?: () => void }): AsyncIterable<RuntimeEvent>
  close(): void
}
