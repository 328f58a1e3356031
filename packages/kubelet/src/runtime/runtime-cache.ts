import type { Container, ContainerState, ContainerStatus, PodSandbox, RuntimeService } from "@ladya/cri"
import { isCriError } from "@ladya/cri"
import { mapLimit } from "@ladya/util"
import { annotations, labels } from "./labels.ts"
import { isUnexplainedKill, type MemoryKills } from "./memory-kills.ts"
import type { ObservedContainer, ObservedPod, ObservedSandbox } from "./observed.ts"

/**
 * What the runtime has, pod by pod. A pod is read again only after it was marked, so that nothing is asked of the
 * runtime while nothing happens.
 */
export interface RuntimeCache {
  /** The pod's state, read again when it was marked since the last time. Rejects when the runtime cannot be asked. */
  get(uid: string): Promise<ObservedPod>
  /** The state as last read; undefined when never read. */
  peek(uid: string): ObservedPod | undefined
  /** Something of this pod may have changed. */
  mark(uid: string): void
  /** The pod of a container or sandbox; asks the runtime when it is not known. Undefined when it is gone, or no pod's. */
  podOf(id: string): Promise<string | undefined>
  /** Lists everything and returns the uids of pods that changed or are new since they were last read. */
  relist(): Promise<string[]>
  /** Every pod the runtime has anything of, as of the last relist or read. */
  uids(): ReadonlySet<string>
  /** The pods of this name that the runtime had anything of when it was last listed. */
  uidsNamed(namespace: string, name: string): string[]
  /** The containers that ran when their pods were last read. */
  running(): ObservedContainer[]
  forget(uid: string): void
}

const states: Record<ContainerState, ObservedContainer["state"]> = {
  CONTAINER_CREATED: "created",
  CONTAINER_RUNNING: "running",
  CONTAINER_EXITED: "exited",
  CONTAINER_UNKNOWN: "unknown",
}

function observedContainer(listed: Container, status: ContainerStatus): ObservedContainer {
  const notes = status.annotations
  const messagePath = notes[annotations.terminationMessagePath]
  const mount = messagePath ? status.mounts.find(({ containerPath }) => containerPath === messagePath) : undefined
  return {
    id: status.id,
    name: status.labels[labels.containerName] ?? status.metadata.name,
    sandboxId: listed.podSandboxId,
    restartCount: Number(notes[annotations.restartCount] ?? status.metadata.attempt),
    state: states[status.state],
    createdAtMs: status.createdAtMs,
    startedAtMs: status.startedAtMs,
    finishedAtMs: status.finishedAtMs,
    exitCode: status.exitCode,
    reason: status.reason,
    message: status.message,
    imageRef: status.imageRef,
    imageId: status.imageId,
    hash: notes[annotations.hash] ?? "",
    logPath: status.logPath,
    terminationMessageFile: mount?.hostPath,
    terminationMessagePolicy: notes[annotations.terminationMessagePolicy] ?? "File",
    annotations: notes,
  }
}

/** Text that changes whenever the runtime's list entry does. */
const fingerprint = (sandboxes: readonly PodSandbox[], containers: readonly Container[]): string =>
  [...sandboxes.map(({ id, state }) => id + state), ...containers.map(({ id, state }) => id + state)].sort().join(" ")

interface Entry {
  pod: ObservedPod | undefined
  /** Goes up with every mark; a read counts for the version it began with. */
  version: number
  readVersion: number
  fingerprint: string
  reading: Promise<ObservedPod> | undefined
  /** `namespace/name`, as of the last listing. */
  fullName: string
}

export interface RuntimeCacheDeps {
  runtime: RuntimeService
  memoryKills?: Pick<MemoryKills, "has">
}

export function newRuntimeCache({ runtime, memoryKills }: RuntimeCacheDeps): RuntimeCache {
  const entries = new Map<string, Entry>()
  /** Pod uid by container or sandbox id. */
  const owners = new Map<string, string>()

  const entryOf = (uid: string): Entry => {
    let entry = entries.get(uid)
    if (!entry) {
      entry = { pod: undefined, version: 1, readVersion: 0, fingerprint: "", reading: undefined, fullName: "" }
      entries.set(uid, entry)
    }
    return entry
  }

  async function readSandbox(listed: PodSandbox, known: ObservedPod | undefined): Promise<ObservedSandbox | undefined> {
    const before = known?.sandboxes.find(({ id }) => id === listed.id)
    const ready = listed.state === "SANDBOX_READY"
    // Addresses do not change while a sandbox lives; one that is down needs none.
    if (before && (before.ips.length > 0 || before.hostNetwork || !ready)) return { ...before, ready }
    const status = await runtimeOrGone(runtime.podSandboxStatus(listed.id))
    if (!status) return undefined
    return {
      id: status.id,
      attempt: status.metadata.attempt,
      ready: status.state === "SANDBOX_READY",
      createdAtMs: status.createdAtMs,
      hostNetwork: status.namespaces.network === "NODE",
      ips: status.ips,
    }
  }

  async function readContainer(
    listed: Container,
    known: ObservedPod | undefined,
  ): Promise<ObservedContainer | undefined> {
    const before = known?.containers.find(({ id }) => id === listed.id)
    // What has ended does not change any more; only why may come to light later.
    if (before?.state === "exited" && listed.state === "CONTAINER_EXITED" && !isUnexplainedKill(before)) return before
    const status = await runtimeOrGone(runtime.containerStatus(listed.id))
    if (!status) return undefined
    const container = observedContainer(listed, status)
    if (!isUnexplainedKill(container) || !(await memoryKills?.has(container.id))) return container
    return { ...container, reason: "OOMKilled" }
  }

  async function read(uid: string, entry: Entry): Promise<ObservedPod> {
    const version = entry.version
    const selector = { labelSelector: { [labels.podUid]: uid } }
    const [sandboxes, containers] = await Promise.all([
      runtime.listPodSandboxes(selector),
      runtime.listContainers(selector),
    ])
    const [readSandboxes, readContainers] = await Promise.all([
      mapLimit(sandboxes, 4, (listed) => readSandbox(listed, entry.pod)),
      mapLimit(containers, 8, (listed) => readContainer(listed, entry.pod)),
    ])
    for (const { id } of [...sandboxes, ...containers]) owners.set(id, uid)
    const first = sandboxes[0]?.labels ?? containers[0]?.labels ?? {}
    const byAge = (a: { createdAtMs: number }, b: { createdAtMs: number }): number => b.createdAtMs - a.createdAtMs
    const pod: ObservedPod = {
      uid,
      name: first[labels.podName] ?? entry.pod?.name ?? "",
      namespace: first[labels.podNamespace] ?? entry.pod?.namespace ?? "",
      sandboxes: readSandboxes
        .filter((sandbox) => sandbox !== undefined)
        .sort((a, b) => b.attempt - a.attempt || byAge(a, b)),
      containers: readContainers
        .filter((container) => container !== undefined)
        .sort((a, b) => byAge(a, b) || b.restartCount - a.restartCount),
    }
    entry.pod = pod
    entry.readVersion = version
    entry.fingerprint = fingerprint(sandboxes, containers)
    return pod
  }

  async function get(uid: string): Promise<ObservedPod> {
    const entry = entryOf(uid)
    if (entry.reading) await entry.reading.catch(() => undefined)
    if (entry.pod && entry.readVersion === entry.version) return entry.pod
    entry.reading = read(uid, entry).finally(() => {
      entry.reading = undefined
    })
    return entry.reading
  }

  async function relist(): Promise<string[]> {
    const [sandboxes, containers] = await Promise.all([runtime.listPodSandboxes(), runtime.listContainers()])
    const groups = new Map<string, { sandboxes: PodSandbox[]; containers: Container[] }>()
    const groupOf = (uid: string): { sandboxes: PodSandbox[]; containers: Container[] } => {
      const group = groups.get(uid) ?? { sandboxes: [], containers: [] }
      groups.set(uid, group)
      return group
    }
    for (const sandbox of sandboxes) {
      const uid = sandbox.labels[labels.podUid]
      if (uid) groupOf(uid).sandboxes.push(sandbox)
    }
    for (const container of containers) {
      const uid = container.labels[labels.podUid]
      if (uid) groupOf(uid).containers.push(container)
    }
    owners.clear()
    const changed: string[] = []
    for (const [uid, group] of groups) {
      for (const { id } of [...group.sandboxes, ...group.containers]) owners.set(id, uid)
      const entry = entryOf(uid)
      const noted = (group.sandboxes[0] ?? group.containers[0])?.labels ?? {}
      entry.fullName = `${noted[labels.podNamespace]}/${noted[labels.podName]}`
      if (entry.pod && entry.fingerprint === fingerprint(group.sandboxes, group.containers)) continue
      entry.version++
      changed.push(uid)
    }
    for (const [uid, entry] of entries) {
      if (groups.has(uid) || !entry.pod) continue
      if (entry.pod.sandboxes.length === 0 && entry.pod.containers.length === 0) continue
      entry.version++
      changed.push(uid)
    }
    return changed
  }

  return {
    get,
    relist,
    peek: (uid) => entries.get(uid)?.pod,
    mark(uid) {
      entryOf(uid).version++
    },
    async podOf(id) {
      const known = owners.get(id)
      if (known) return known
      const found =
        (await runtimeOrGone(runtime.containerStatus(id))) ?? (await runtimeOrGone(runtime.podSandboxStatus(id)))
      const uid = found?.labels[labels.podUid]
      if (uid) owners.set(id, uid)
      return uid
    },
    uids() {
      const result = new Set<string>()
      for (const [uid, { pod, fingerprint: text, version, readVersion }] of entries) {
        const unread = version !== readVersion && !pod
        if (unread || text !== "" || (pod && pod.sandboxes.length + pod.containers.length > 0)) result.add(uid)
      }
      return result
    },
    uidsNamed: (namespace, name) =>
      [...entries].flatMap(([uid, { fullName }]) => (fullName === `${namespace}/${name}` ? [uid] : [])),
    running: () =>
      [...entries.values()].flatMap(({ pod }) => pod?.containers.filter(({ state }) => state === "running") ?? []),
    forget(uid) {
      entries.delete(uid)
      for (const [id, owner] of owners) if (owner === uid) owners.delete(id)
    },
  }
}

/** Undefined when the runtime says that there is no such thing. */
async function runtimeOrGone<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call
  } catch (error) {
    if (isCriError(error, "NOT_FOUND")) return undefined
    throw error
  }
}
