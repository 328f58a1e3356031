import { isDeepStrictEqual } from "node:util"
import type { corev1 } from "@ladya/api"
import { type Clock, errorMessage, type Logger, Mutex, mapLimit, type Timer } from "@ladya/util"
import { unmountAndRemove } from "./mounts.ts"
import type { ObjectCache } from "./object-cache.ts"
import type { ObjectReference, VolumePlugin } from "./plugin.ts"
import { type PodDirectories, readdirOrEmpty, volumesOnDisk } from "./pod-directories.ts"
import { prepareSubPath } from "./sub-path.ts"
import { type VolumeFailure, type VolumeManager, VolumeMountError } from "./types.ts"

type Pod = corev1.Pod

export interface VolumeManagerDeps {
  directories: PodDirectories
  plugins: readonly VolumePlugin[]
  objects: ObjectCache
  clock: Clock
  log: Logger
  /** Something a pod waits for has changed: its `mount` is worth another try now. */
  retry(podUid: string): void
  /** A volume that was set up before could not be brought up to date; worth a `FailedMount` event. */
  refreshFailed(pod: Pod, failure: VolumeFailure): void
  /** Called when a pod's volumes are gone: per-pod caches let go of it. */
  forget(podUid: string): void
}

/** Volumes of one pod that are set up at once. */
const parallelSetUps = 4
/** How long after a failed refresh the next one runs without any change. */
const refreshRetryMs = 30_000

interface PodVolume {
  volume: corev1.Volume
  plugin: VolumePlugin
  spec: unknown
  directory: string
  references: readonly ObjectReference[]
  /** Set once `setUp` has succeeded in this process. */
  hostPath: string | undefined
  timer: Timer | undefined
}

interface PodState {
  pod: Pod
  /** Everything that touches the pod's directories runs one after another. */
  mutex: Mutex
  abort: AbortController
  volumes: Map<string, PodVolume>
}

/** Names of the volumes that some container of the pod mounts; others are never set up. */
function usedVolumes(pod: Pod): Set<string> {
  const { initContainers = [], containers = [], ephemeralContainers = [] } = pod.spec ?? { containers: [] }
  const all = [...initContainers, ...containers, ...ephemeralContainers]
  return new Set(all.flatMap((c) => [...(c.volumeMounts ?? []), ...(c.volumeDevices ?? [])].map((mount) => mount.name)))
}

function failureOf(volumeName: string, error: unknown): VolumeFailure {
  const message = `MountVolume.SetUp failed for volume ${JSON.stringify(volumeName)} : ${errorMessage(error)}`
  return { volumeName, message }
}

export function newVolumeManager(deps: VolumeManagerDeps): VolumeManager & {
  /** To be wired to the object cache. */
  objectsChanged(owners: readonly string[], reference: ObjectReference): void
} {
  const { directories, clock, log } = deps
  const pods = new Map<string, PodState>()
  /** Pods that are not (or no longer) known still take turns: a tear-down and a late set-up must not cross. */
  const mutexes = new Map<string, Mutex>()
  const pluginByName = new Map(deps.plugins.map((plugin) => [plugin.name, plugin]))

  const mutexOf = (podUid: string): Mutex => {
    const mutex = mutexes.get(podUid) ?? new Mutex()
    mutexes.set(podUid, mutex)
    return mutex
  }

  const stateOf = (pod: Pod): PodState => {
    const uid = pod.metadata.uid ?? ""
    const existing = pods.get(uid)
    if (existing) return existing
    const state: PodState = { pod, mutex: mutexOf(uid), abort: new AbortController(), volumes: new Map() }
    pods.set(uid, state)
    return state
  }

  const planVolume = (pod: Pod, volume: corev1.Volume): PodVolume => {
    for (const plugin of deps.plugins) {
      const spec = plugin.spec(volume)
      if (spec === undefined || spec === null) continue
      return {
        volume,
        plugin,
        spec,
        directory: directories.volume(pod.metadata.uid ?? "", plugin.name, volume.name),
        references: plugin.references?.(spec, pod.metadata.namespace ?? "") ?? [],
        hostPath: undefined,
        timer: undefined,
      }
    }
    throw new Error("no volume plugin matched")
  }

  const setUp = async (state: PodState, volume: PodVolume, signal: AbortSignal): Promise<string> => {
    volume.timer?.cancel()
    const request = {
      pod: state.pod,
      volumeName: volume.volume.name,
      spec: volume.spec,
      directory: volume.directory,
    }
    const result = await volume.plugin.setUp(request, signal)
    volume.hostPath = result.hostPath
    if (result.refreshAt !== undefined) scheduleRefresh(state, volume, Math.max(result.refreshAt - clock.now(), 1000))
    return result.hostPath
  }

  const scheduleRefresh = (state: PodState, volume: PodVolume, delayMs: number): void => {
    volume.timer?.cancel()
    if (state.abort.signal.aborted) return
    volume.timer = clock.setTimeout(() => refresh(state, [volume]), delayMs, { unref: true })
  }

  /** Brings volumes that are set up already up to date, in the background. */
  const refresh = (state: PodState, volumes: readonly PodVolume[]): void => {
    if (volumes.length === 0) return
    void state.mutex.run(async () => {
      for (const volume of volumes) {
        if (state.abort.signal.aborted) return
        try {
          await setUp(state, volume, state.abort.signal)
        } catch (error) {
          if (state.abort.signal.aborted) return
          const failure = failureOf(volume.volume.name, error)
          log.warn("a volume could not be brought up to date", { pod: state.pod.metadata.name, ...failure })
          deps.refreshFailed(state.pod, failure)
          scheduleRefresh(state, volume, refreshRetryMs)
        }
      }
    })
  }

  const mountOne = async (state: PodState, name: string, signal: AbortSignal): Promise<string> => {
    const spec = state.pod.spec?.volumes?.find((volume) => volume.name === name)
    if (!spec) throw new Error(`volume ${JSON.stringify(name)} is not in the pod's spec`)
    const volume = state.volumes.get(name) ?? planVolume(state.pod, spec)
    state.volumes.set(name, volume)
    return volume.hostPath ?? (await setUp(state, volume, signal))
  }

  /** Plans all volumes first, so that all objects are asked for at once. */
  const holdReferences = (state: PodState, names: readonly string[]): void => {
    const references: ObjectReference[] = []
    for (const name of names) {
      const volume = state.pod.spec?.volumes?.find((candidate) => candidate.name === name)
      if (!volume) continue
      try {
        references.push(...(state.volumes.get(name) ?? planVolume(state.pod, volume)).references)
      } catch {
        // mountOne reports it.
      }
    }
    deps.objects.hold(state.pod.metadata.uid ?? "", references)
  }

  const letGo = (podUid: string): void => {
    const state = pods.get(podUid)
    pods.delete(podUid)
    state?.abort.abort(new Error("the pod's volumes are being torn down"))
    for (const volume of state?.volumes.values() ?? []) volume.timer?.cancel()
    deps.objects.release(podUid)
    deps.forget(podUid)
  }

  const tearDownAll = async (podUid: string): Promise<void> => {
    // Parts of volumes before the volumes they are parts of.
    await unmountAndRemove(directories.subPaths(podUid))
    for (const { pluginName, directory } of await volumesOnDisk(directories, podUid)) {
      const plugin = pluginByName.get(pluginName)
      try {
        await (plugin ? plugin.tearDown(directory) : unmountAndRemove(directory))
      } catch (error) {
        const name = directory.slice(directory.lastIndexOf("/") + 1)
        throw new Error(`UnmountVolume.TearDown failed for volume ${JSON.stringify(name)} : ${errorMessage(error)}`, {
          cause: error,
        })
      }
    }
    await unmountAndRemove(directories.volumes(podUid))
  }

  /** Runs a tear-down in the pod's turn. */
  const inTurn = async (podUid: string, task: () => Promise<void>): Promise<void> => {
    letGo(podUid)
    const mutex = mutexOf(podUid)
    await mutex.run(task)
    if (!pods.has(podUid) && mutexes.get(podUid) === mutex) mutexes.delete(podUid)
  }

  const removePodDirectory = (podUid: string): Promise<void> =>
    inTurn(podUid, async () => {
      await tearDownAll(podUid)
      await unmountAndRemove(directories.pod(podUid))
    })

  return {
    mount(pod, signal) {
      const state = stateOf(pod)
      return state.mutex.run(async () => {
        state.abort.signal.throwIfAborted()
        state.pod = pod
        const names = [...usedVolumes(pod)]
        holdReferences(state, names)
        const either = signal ? AbortSignal.any([signal, state.abort.signal]) : state.abort.signal
        const paths = new Map<string, string>()
        const failures: VolumeFailure[] = []
        await mapLimit(names, parallelSetUps, async (name) => {
          try {
            paths.set(name, await mountOne(state, name, either))
          } catch (error) {
            failures.push(failureOf(name, error))
          }
        })
        either.throwIfAborted()
        if (failures.length > 0) throw new VolumeMountError(failures)
        return paths
      })
    },

    update(pod) {
      const state = pods.get(pod.metadata.uid ?? "")
      if (!state) return
      const before = state.pod.metadata
      state.pod = pod
      const same =
        isDeepStrictEqual(before.labels, pod.metadata.labels) &&
        isDeepStrictEqual(before.annotations, pod.metadata.annotations)
      if (same) return
      refresh(
        state,
        [...state.volumes.values()].filter((volume) => volume.plugin.followsPod && volume.hostPath !== undefined),
      )
    },

    prepareSubPath: (request) =>
      mutexOf(request.podUid).run(() => {
        const { podUid, volumeName, containerName, mountIndex } = request
        const target = directories.subPath(podUid, volumeName, containerName, mountIndex)
        return prepareSubPath(request.hostPath, request.subPath, target)
      }),

    unmount: (podUid) => inTurn(podUid, () => tearDownAll(podUid)),

    removePodDirectory,

    async removeOrphans(known) {
      const removed: string[] = []
      for (const podUid of await readdirOrEmpty(directories.pods)) {
        if (known.has(podUid)) continue
        try {
          await removePodDirectory(podUid)
          removed.push(podUid)
        } catch (error) {
          log.error("cannot remove the directory of a pod that is gone", { podUid, error })
        }
      }
      return removed
    },

    stop() {
      for (const podUid of [...pods.keys()]) letGo(podUid)
      deps.objects.stop()
    },

    objectsChanged(owners, reference) {
      for (const owner of owners) {
        const state = pods.get(owner)
        if (!state) continue
        const touched = [...state.volumes.values()].filter((volume) =>
          volume.references.some((candidate) => isDeepStrictEqual(candidate, reference)),
        )
        refresh(
          state,
          touched.filter((volume) => volume.hostPath !== undefined),
        )
        if (touched.some((volume) => volume.hostPath === undefined)) deps.retry(owner)
      }
    },
  }
}
