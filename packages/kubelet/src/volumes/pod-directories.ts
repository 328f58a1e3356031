import { readdir } from "node:fs/promises"
import { join } from "node:path"
import { escapePluginName, unescapePluginName } from "./plugin.ts"

/** Where things of a pod are, below the agent's data directory. */
export interface PodDirectories {
  /** `<root>/pods` */
  readonly pods: string
  pod(podUid: string): string
  volumes(podUid: string): string
  volume(podUid: string, pluginName: string, volumeName: string): string
  subPaths(podUid: string): string
  subPath(podUid: string, volumeName: string, containerName: string, mountIndex: number): string
}

export function newPodDirectories(root: string): PodDirectories {
  const pods = join(root, "pods")
  const pod = (podUid: string): string => {
    // A uid is the API server's; still, nothing that could lead elsewhere becomes a path that is later removed.
    if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(podUid)) throw new Error(`invalid pod uid ${JSON.stringify(podUid)}`)
    return join(pods, podUid)
  }
  return {
    pods,
    pod,
    volumes: (podUid) => join(pod(podUid), "volumes"),
    volume: (podUid, pluginName, volumeName) => join(pod(podUid), "volumes", escapePluginName(pluginName), volumeName),
    subPaths: (podUid) => join(pod(podUid), "volume-subpaths"),
    subPath: (podUid, volumeName, containerName, mountIndex) =>
      join(pod(podUid), "volume-subpaths", volumeName, containerName, String(mountIndex)),
  }
}

export async function readdirOrEmpty(directory: string): Promise<string[]> {
  try {
    return await readdir(directory)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return []
    throw error
  }
}

/** The volumes of a pod that are on disk, whoever set them up. */
export async function volumesOnDisk(
  directories: PodDirectories,
  podUid: string,
): Promise<{ pluginName: string; directory: string }[]> {
  const volumes = directories.volumes(podUid)
  const found: { pluginName: string; directory: string }[] = []
  for (const plugin of await readdirOrEmpty(volumes)) {
    for (const name of await readdirOrEmpty(join(volumes, plugin))) {
      found.push({ pluginName: unescapePluginName(plugin), directory: join(volumes, plugin, name) })
    }
  }
  return found
}
