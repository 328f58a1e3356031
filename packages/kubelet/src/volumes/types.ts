import type { corev1 } from "@ladya/api"

type Pod = corev1.Pod

/** What a container mount with `subPath` needs. `subPathExpr` is expanded by the caller. */
export interface SubPathRequest {
  podUid: string
  volumeName: string
  containerName: string
  /** The place of the mount in the container's `volumeMounts`. */
  mountIndex: number
  /** The volume's host path, as `mount` gave it. */
  hostPath: string
  subPath: string
}

/**
 * Sets up and tears down the volumes of this node's pods, below `<root>/pods/<uid>/volumes/<plugin>/<name>`.
 * Every call is idempotent and may be repeated after a restart; calls for one pod run one after another.
 */
export interface VolumeManager {
  /**
   * Sets up every volume of the pod's spec and returns their host paths by volume name. Content that comes from the API
   * is kept current from then on, until `unmount`. Throws a VolumeMountError that names every volume that failed.
   */
  mount(pod: Pod, signal?: AbortSignal): Promise<ReadonlyMap<string, string>>
  /** The pod's labels or annotations changed: downward API files follow. Cheap when nothing changed. */
  update(pod: Pod): void
  /** A host path that stays inside the volume whatever symbolic links a container makes in it; made when missing. */
  prepareSubPath(request: SubPathRequest): Promise<string>
  /** Tears down all volumes of a pod, known or found on disk. Its containers must have ended. */
  unmount(podUid: string): Promise<void>
  /** Unmounts and removes the pod's whole directory `<root>/pods/<uid>`, never through a mount. */
  removePodDirectory(podUid: string): Promise<void>
  /** After a restart: removes the directories of all pods that are not in `known`; returns the uids removed. */
  removeOrphans(known: ReadonlySet<string>): Promise<string[]>
  /** Ends all watches and timers; leaves mounts alone. */
  stop(): void
}

/** One volume that could not be set up. */
export interface VolumeFailure {
  volumeName: string
  /** As in a `FailedMount` event: `MountVolume.SetUp failed for volume "x" : configmap "y" not found`. */
  message: string
}

/** Thrown by `mount`. Each failure is worth one Warning event with reason `FailedMount`. */
export class VolumeMountError extends Error {
  override name = "VolumeMountError"
  readonly failures: readonly VolumeFailure[]

  constructor(failures: readonly VolumeFailure[]) {
    super(failures.map((failure) => failure.message).join("; "))
    this.failures = failures
  }
}
