import type {
  Container,
  ContainerMetadata,
  ContainerState,
  ContainerStats,
  ContainerStatus,
  FilesystemUsage,
  Image,
  Mount,
  NamespaceOption,
  PodSandbox,
  PodSandboxMetadata,
  PodSandboxState,
  PodSandboxStatus,
  StringMap,
} from "./types.ts"

/** Messages as the decoder gives them: zero values set, absent messages null, 64-bit numbers as text. */
type Wrapped = { value: string } | null

export interface RawSandbox {
  id: string
  metadata: PodSandboxMetadata | null
  state: PodSandboxState
  createdAt: string
  labels: StringMap
  annotations: StringMap
  runtimeHandler: string
}

export interface RawSandboxStatus extends RawSandbox {
  network: { ip: string; additionalIps: { ip: string }[] } | null
  linux: { namespaces: { options: NamespaceOption | null } | null } | null
}

export interface RawContainer {
  id: string
  podSandboxId: string
  metadata: ContainerMetadata | null
  image: { image: string } | null
  imageRef: string
  state: ContainerState
  createdAt: string
  labels: StringMap
  annotations: StringMap
}

export interface RawContainerStatus extends Omit<RawContainer, "podSandboxId"> {
  startedAt: string
  finishedAt: string
  exitCode: number
  imageId: string
  reason: string
  message: string
  mounts: Mount[]
  logPath: string
}

export interface RawImage {
  id: string
  repoTags: string[]
  repoDigests: string[]
  size: string
  uid: Wrapped
  username: string
  pinned: boolean
}

export interface RawFilesystemUsage {
  timestamp: string
  fsId: { mountpoint: string } | null
  usedBytes: Wrapped
  inodesUsed: Wrapped
}

export interface RawContainerStats {
  attributes: { id: string; metadata: ContainerMetadata | null; labels: StringMap } | null
  cpu: { timestamp: string; usageCoreNanoSeconds: Wrapped; usageNanoCores: Wrapped } | null
  memory: {
    timestamp: string
    workingSetBytes: Wrapped
    usageBytes: Wrapped
    rssBytes: Wrapped
    pageFaults: Wrapped
    majorPageFaults: Wrapped
  } | null
  writableLayer: RawFilesystemUsage | null
}

/** Nanoseconds, as text or number, to whole milliseconds. */
export function nanosToMs(nanos: string | number): number {
  // Text is cut, not parsed: nanoseconds since the epoch do not fit a double.
  if (typeof nanos === "string") return nanos.length > 6 ? Number(nanos.slice(0, -6)) : 0
  return Math.floor(nanos / 1e6)
}

const unwrap = (wrapped: Wrapped | undefined): number => (wrapped ? Number(wrapped.value) : 0)

export function decodeSandbox(raw: RawSandbox): PodSandbox {
  return {
    id: raw.id,
    metadata: raw.metadata ?? { name: "", uid: "", namespace: "", attempt: 0 },
    state: raw.state,
    createdAtMs: nanosToMs(raw.createdAt),
    labels: raw.labels,
    annotations: raw.annotations,
    runtimeHandler: raw.runtimeHandler,
  }
}

export function decodeSandboxStatus(raw: RawSandboxStatus, info: StringMap): PodSandboxStatus {
  const ips = raw.network ? [raw.network.ip, ...raw.network.additionalIps.map(({ ip }) => ip)] : []
  return {
    ...decodeSandbox(raw),
    ips: ips.filter((ip) => ip !== ""),
    namespaces: raw.linux?.namespaces?.options ?? {},
    info,
  }
}

export function decodeContainer(raw: RawContainer): Container {
  return {
    id: raw.id,
    podSandboxId: raw.podSandboxId,
    metadata: raw.metadata ?? { name: "", attempt: 0 },
    image: raw.image?.image ?? "",
    imageRef: raw.imageRef,
    state: raw.state,
    createdAtMs: nanosToMs(raw.createdAt),
    labels: raw.labels,
    annotations: raw.annotations,
  }
}

export function decodeContainerStatus(raw: RawContainerStatus, info: StringMap): ContainerStatus {
  return {
    id: raw.id,
    metadata: raw.metadata ?? { name: "", attempt: 0 },
    state: raw.state,
    createdAtMs: nanosToMs(raw.createdAt),
    startedAtMs: nanosToMs(raw.startedAt),
    finishedAtMs: nanosToMs(raw.finishedAt),
    exitCode: raw.exitCode,
    image: raw.image?.image ?? "",
    imageRef: raw.imageRef,
    imageId: raw.imageId,
    reason: raw.reason,
    message: raw.message,
    labels: raw.labels,
    annotations: raw.annotations,
    mounts: raw.mounts,
    logPath: raw.logPath,
    info,
  }
}

export function decodeImage(raw: RawImage, info: StringMap): Image {
  return {
    id: raw.id,
    repoTags: raw.repoTags,
    repoDigests: raw.repoDigests,
    sizeBytes: Number(raw.size),
    uid: raw.uid ? Number(raw.uid.value) : undefined,
    username: raw.username,
    pinned: raw.pinned,
    info,
  }
}

export function decodeFilesystemUsage(raw: RawFilesystemUsage): FilesystemUsage {
  return {
    timestampMs: nanosToMs(raw.timestamp),
    mountpoint: raw.fsId?.mountpoint ?? "",
    usedBytes: unwrap(raw.usedBytes),
    inodesUsed: unwrap(raw.inodesUsed),
  }
}

export function decodeContainerStats(raw: RawContainerStats): ContainerStats {
  const { cpu, memory, writableLayer } = raw
  return {
    id: raw.attributes?.id ?? "",
    metadata: raw.attributes?.metadata ?? { name: "", attempt: 0 },
    labels: raw.attributes?.labels ?? {},
    timestampMs: nanosToMs(cpu?.timestamp ?? memory?.timestamp ?? "0"),
    usageCoreNanoSeconds: unwrap(cpu?.usageCoreNanoSeconds),
    usageNanoCores: unwrap(cpu?.usageNanoCores),
    workingSetBytes: unwrap(memory?.workingSetBytes),
    memoryUsageBytes: unwrap(memory?.usageBytes),
    rssBytes: unwrap(memory?.rssBytes),
    pageFaults: unwrap(memory?.pageFaults),
    majorPageFaults: unwrap(memory?.majorPageFaults),
    writableLayerBytes: unwrap(writableLayer?.usedBytes),
    writableLayerInodes: unwrap(writableLayer?.inodesUsed),
  }
}
