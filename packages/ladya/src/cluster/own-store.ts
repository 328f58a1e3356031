import { isDeepStrictEqual } from "node:util"
import { parseStoreChoice } from "../daemon/store.ts"
import { LadyaError } from "../errors.ts"
import { nameOf, parseLocation } from "../store/location.ts"
import { hasObjects } from "../store/transfer.ts"
import { isAlive } from "../system/processes.ts"
import type { ClusterPaths } from "./paths.ts"
import type { ClusterState, ClusterStore } from "./state.ts"

const embedded: ClusterStore = { store: "sqlite", files: {} }

/**
 * Whether a cluster may go on with this store. Throws a LadyaError while its server runs on another, and for one without
 * the cluster's objects: its agents would end all containers.
 */
export async function requireMovedStore(
  paths: ClusterPaths,
  before: ClusterState | undefined,
  wanted: ClusterStore,
): Promise<void> {
  // What makes no sense is told before anything is done.
  parseStoreChoice(wanted.store, wanted.files)
  const location = parseLocation(wanted.store, paths.server, wanted.files)
  const present = before?.store ?? embedded
  if (!before || isDeepStrictEqual(present, wanted)) return
  if (isAlive(before.server)) {
    throw new LadyaError(`the cluster "${paths.name}" runs on the store ${present.store}`, {
      hint: `end its server first: ladya down --name ${paths.name} --keep-nodes`,
    })
  }
  if (await hasObjects(location)) return
  throw new LadyaError(`the store ${nameOf(location)} is empty: the cluster's objects would be gone`, {
    hint: `copy them there: ladya store copy --name ${paths.name} ${present.store} ${wanted.store}`,
  })
}
