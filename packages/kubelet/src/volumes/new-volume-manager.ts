import { quantityToNumber } from "@ladya/apimachinery"
import type { Client } from "@ladya/client"
import type { Clock, Logger, Random } from "@ladya/util"
import { newConfigMapPlugin } from "./config-map/plugin.ts"
import { newDownwardApiPlugin } from "./downward-api/plugin.ts"
import type { Allocatable } from "./downward-api/resources.ts"
import { newEmptyDirPlugin } from "./empty-dir/plugin.ts"
import { newHostPathPlugin } from "./host-path/plugin.ts"
import { newVolumeManager, type VolumeManagerDeps } from "./manager.ts"
import { newObjectCache, type ObjectCache } from "./object-cache.ts"
import { newPersistentVolumeClaimPlugin } from "./persistent-volume-claim/plugin.ts"
import type { VolumePlugin } from "./plugin.ts"
import { newPodDirectories } from "./pod-directories.ts"
import { newProjectedPlugin } from "./projected/plugin.ts"
import { newTokenSource } from "./projected/token.ts"
import { newSecretPlugin } from "./secret/plugin.ts"
import type { VolumeManager } from "./types.ts"

export interface VolumesDeps extends Pick<VolumeManagerDeps, "retry" | "refreshFailed"> {
  /** The agent's data directory; pods are below `pods/`. */
  root: string
  client: Client
  clock: Clock
  random: Random
  log: Logger
  /** What pods may use of the node, as last reported. */
  allocatable(): Allocatable
}

/** The volumes of a node with every plugin, and the cache of objects that its pods refer to. */
export function newVolumes(deps: VolumesDeps): { manager: VolumeManager; objects: ObjectCache } {
  const { client, clock, random, log, allocatable } = deps
  const objects = newObjectCache({
    client,
    clock,
    log,
    changed: (owners, reference) => manager.objectsChanged(owners, reference),
  })
  const tokens = newTokenSource({ client, clock, random, log })
  // Order means nothing: a volume has one source.
  const plugins: readonly VolumePlugin[] = [
    newConfigMapPlugin({ objects, clock }),
    newDownwardApiPlugin({ clock, allocatable }),
    newEmptyDirPlugin({ allocatableMemoryBytes: () => quantityToNumber(allocatable()["memory"] ?? 0) }),
    newHostPathPlugin(),
    newPersistentVolumeClaimPlugin({ client }),
    newProjectedPlugin({ objects, tokens, clock, allocatable }),
    newSecretPlugin({ objects, clock }),
  ] as VolumePlugin[]
  const manager = newVolumeManager({
    directories: newPodDirectories(deps.root),
    plugins,
    objects,
    clock,
    log,
    retry: deps.retry,
    refreshFailed: deps.refreshFailed,
    forget: (podUid) => tokens.forget(podUid),
  })
  return { manager, objects }
}
