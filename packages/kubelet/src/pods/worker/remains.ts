import { readdir, rm } from "node:fs/promises"
import { basename, dirname, join } from "node:path"
import type { ObservedContainer, ObservedPod } from "../../runtime/observed.ts"
import type { WorkerDeps } from "./worker-deps.ts"

/** How many instances of a container that have ended are kept beside the newest, for their logs and last states. */
const keptDead = 1

type Deps = Pick<WorkerDeps, "runtime" | "cache" | "directories" | "volumes" | "cgroups" | "status" | "log">

/** Removes instances of containers, and sandboxes, that nobody will ask for any more. */
export async function removeDead(deps: Deps, observed: ObservedPod): Promise<void> {
  const seen = new Map<string, number>()
  const surplus: ObservedContainer[] = []
  for (const container of observed.containers) {
    const newer = seen.get(container.name) ?? 0
    seen.set(container.name, newer + 1)
    if (newer > keptDead && container.state !== "running") surplus.push(container)
  }
  for (const container of surplus) {
    await deps.runtime.removeContainer(container.id)
    await removeLog(container.logPath)
  }
  const gone = new Set(surplus.map(({ id }) => id))
  const [, ...older] = observed.sandboxes
  const empty = older.filter(
    ({ id, ready }) =>
      !ready && !observed.containers.some(({ sandboxId, id: own }) => sandboxId === id && !gone.has(own)),
  )
  for (const { id } of empty) {
    await deps.runtime.stopPodSandbox(id)
    await deps.runtime.removePodSandbox(id)
  }
  if (surplus.length + empty.length > 0) deps.cache.mark(observed.uid)
}

/** Removes a log and the older parts of it that were rotated away. */
async function removeLog(path: string): Promise<void> {
  if (!path) return
  const directory = dirname(path)
  const name = basename(path)
  for (const entry of await readdir(directory).catch(() => [])) {
    if (entry === name || entry.startsWith(`${name}.`)) await rm(join(directory, entry), { force: true })
  }
}

/** Removes everything of a pod that has ended and is gone from the API: sandboxes, containers, files, groups. */
export async function removeRemains(deps: Deps, uid: string): Promise<void> {
  deps.cache.mark(uid)
  const observed = await deps.cache.get(uid)
  for (const { id } of observed.sandboxes) {
    await deps.runtime.stopPodSandbox(id)
    await deps.runtime.removePodSandbox(id)
  }
  for (const { id, sandboxId } of observed.containers) {
    if (!observed.sandboxes.some((sandbox) => sandbox.id === sandboxId)) await deps.runtime.removeContainer(id)
  }
  await deps.volumes.removePodDirectory(uid)
  await deps.directories.removeLogs(uid)
  await deps.cgroups.remove(uid)
  deps.cache.forget(uid)
  deps.status.forget(uid)
}
