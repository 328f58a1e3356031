/** The names and units of the container runtime interface, in camelCase; times are milliseconds since the epoch. */

export type NamespaceMode = "POD" | "CONTAINER" | "NODE" | "TARGET"
export type Protocol = "TCP" | "UDP" | "SCTP"
export type MountPropagation = "PROPAGATION_PRIVATE" | "PROPAGATION_HOST_TO_CONTAINER" | "PROPAGATION_BIDIRECTIONAL"
export type PodSandboxState = "SANDBOX_READY" | "SANDBOX_NOTREADY"
export type ContainerState = "CONTAINER_CREATED" | "CONTAINER_RUNNING" | "CONTAINER_EXITED" | "CONTAINER_UNKNOWN"
export type StringMap = Record<string, string>

// ---- what is sent

export interface PodSandboxMetadata {
  name: string
  uid: string
  namespace: string
  attempt: number
}

export interface DnsConfig {
  servers?: string[]
  searches?: string[]
  options?: string[]
}

export interface PortMapping {
  protocol?: Protocol
  containerPort: number
  hostPort?: number
  hostIp?: string
}

export interface NamespaceOption {
  network?: NamespaceMode
  pid?: NamespaceMode
  ipc?: NamespaceMode
  /** The container whose process namespace is joined; with a pid mode of TARGET. */
  targetId?: string
}

export interface SeLinuxOption {
  user?: string
  role?: string
  type?: string
  level?: string
}

export interface SecurityProfile {
  profileType: "RuntimeDefault" | "Unconfined" | "Localhost"
  /** An absolute path for seccomp. */
  localhostRef?: string
}

interface SecurityContextBase {
  namespaceOptions?: NamespaceOption
  selinuxOptions?: SeLinuxOption
  runAsUser?: { value: number }
  runAsGroup?: { value: number }
  readonlyRootfs?: boolean
  supplementalGroups?: number[]
  supplementalGroupsPolicy?: "Merge" | "Strict"
  privileged?: boolean
  seccomp?: SecurityProfile
  apparmor?: SecurityProfile
}

export interface LinuxSandboxSecurityContext extends SecurityContextBase {}

export interface LinuxContainerSecurityContext extends SecurityContextBase {
  capabilities?: { addCapabilities?: string[]; dropCapabilities?: string[]; addAmbientCapabilities?: string[] }
  runAsUsername?: string
  noNewPrivs?: boolean
  maskedPaths?: string[]
  readonlyPaths?: string[]
}

export interface LinuxContainerResources {
  /** Microseconds. */
  cpuPeriod?: number
  /** Microseconds of CPU time per period; -1 for no limit. */
  cpuQuota?: number
  cpuShares?: number
  memoryLimitInBytes?: number
  memorySwapLimitInBytes?: number
  oomScoreAdj?: number
  cpusetCpus?: string
  cpusetMems?: string
  hugepageLimits?: { pageSize: string; limit: number }[]
  /** Files of a cgroup v2 group and what is written to them. */
  unified?: StringMap
}

export interface PodSandboxConfig {
  metadata: PodSandboxMetadata
  hostname?: string
  logDirectory?: string
  dnsConfig?: DnsConfig
  portMappings?: PortMapping[]
  labels?: StringMap
  annotations?: StringMap
  linux?: {
    cgroupParent?: string
    securityContext?: LinuxSandboxSecurityContext
    sysctls?: StringMap
    overhead?: LinuxContainerResources
    resources?: LinuxContainerResources
  }
}

export interface ContainerMetadata {
  name: string
  attempt: number
}

export interface Mount {
  containerPath: string
  hostPath: string
  readonly?: boolean
  propagation?: MountPropagation
  recursiveReadOnly?: boolean
}

export interface Device {
  containerPath: string
  hostPath: string
  /** Some of `rwm`. */
  permissions: string
}

export interface ContainerConfig {
  metadata: ContainerMetadata
  image: ImageSpec
  /** Replaces the image's entry point. */
  command?: string[]
  /** Replaces the image's command. */
  args?: string[]
  workingDir?: string
  envs?: { key: string; value: string }[]
  mounts?: Mount[]
  devices?: Device[]
  labels?: StringMap
  annotations?: StringMap
  /** Below the sandbox's log directory. */
  logPath?: string
  stdin?: boolean
  stdinOnce?: boolean
  tty?: boolean
  linux?: { resources?: LinuxContainerResources; securityContext?: LinuxContainerSecurityContext }
}

export interface ImageSpec {
  image: string
  annotations?: StringMap
  userSpecifiedImage?: string
  runtimeHandler?: string
}

export interface AuthConfig {
  username?: string
  password?: string
  auth?: string
  serverAddress?: string
  identityToken?: string
  registryToken?: string
}

export interface SandboxFilter {
  id?: string
  state?: PodSandboxState
  labelSelector?: StringMap
}

export interface ContainerFilter {
  id?: string
  state?: ContainerState
  podSandboxId?: string
  labelSelector?: StringMap
}

// ---- what comes back: every field set, zero values filled in

export interface RuntimeVersion {
  version: string
  runtimeName: string
  runtimeVersion: string
  runtimeApiVersion: string
}

export interface RuntimeCondition {
  type: string
  status: boolean
  reason: string
  message: string
}

export interface RuntimeStatus {
  conditions: RuntimeCondition[]
  /** JSON texts by name; only when asked verbosely. */
  info: StringMap
  /** Empty from runtimes that do not tell. */
  handlers: { name: string; recursiveReadOnlyMounts: boolean; userNamespaces: boolean }[]
}

export interface PodSandbox {
  id: string
  metadata: PodSandboxMetadata
  state: PodSandboxState
  createdAtMs: number
  labels: StringMap
  annotations: StringMap
  runtimeHandler: string
}

export interface PodSandboxStatus extends PodSandbox {
  /** The main address first; empty with the node's network. */
  ips: string[]
  namespaces: NamespaceOption
  /** JSON texts by name; only when asked verbosely. */
  info: StringMap
}

export interface Container {
  id: string
  podSandboxId: string
  metadata: ContainerMetadata
  image: string
  imageRef: string
  state: ContainerState
  createdAtMs: number
  labels: StringMap
  annotations: StringMap
}

export interface ContainerStatus {
  id: string
  metadata: ContainerMetadata
  state: ContainerState
  createdAtMs: number
  /** 0 when it never started. */
  startedAtMs: number
  /** 0 when it has not ended. */
  finishedAtMs: number
  exitCode: number
  image: string
  imageRef: string
  imageId: string
  reason: string
  message: string
  labels: StringMap
  annotations: StringMap
  mounts: Mount[]
  logPath: string
  /** JSON texts by name; only when asked verbosely. */
  info: StringMap
}

export interface ExecSyncResult {
  stdout: Buffer
  stderr: Buffer
  exitCode: number
}

export interface ContainerStats {
  id: string
  metadata: ContainerMetadata
  labels: StringMap
  /** When the figures were taken. */
  timestampMs: number
  usageCoreNanoSeconds: number
  usageNanoCores: number
  workingSetBytes: number
  memoryUsageBytes: number
  rssBytes: number
  pageFaults: number
  majorPageFaults: number
  writableLayerBytes: number
  writableLayerInodes: number
}

export interface Image {
  id: string
  repoTags: string[]
  repoDigests: string[]
  sizeBytes: number
  /** The numeric user it runs as; undefined when it names none, or names one. */
  uid: number | undefined
  /** The user it runs as by name; empty when none. */
  username: string
  pinned: boolean
  /** JSON texts by name; only when asked verbosely. */
  info: StringMap
}

export interface FilesystemUsage {
  timestampMs: number
  mountpoint: string
  usedBytes: number
  inodesUsed: number
}

/** Something that happened in the runtime. */
export type RuntimeEvent =
  | { type: "taskCreated" | "taskStarted" | "taskOom"; containerId: string }
  /** The main process ended; ends of execs are not reported. */
  | { type: "taskExited"; containerId: string; exitCode: number; exitedAtMs: number }
  | { type: "taskDeleted"; containerId: string }
  | { type: "containerCreated" | "containerDeleted"; containerId: string }
  | { type: "imageCreated" | "imageUpdated" | "imageDeleted"; image: string }
