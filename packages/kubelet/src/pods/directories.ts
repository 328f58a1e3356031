import { mkdir, readdir, rm } from "node:fs/promises"
import { join } from "node:path"
import type { Pod } from "./pod.ts"

/** Where a pod's files are, below the agent's data directory. */
export interface PodDirectories {
  readonly root: string
  /** `pods/<uid>` */
  pod(uid: string): string
  /** The pod's own /etc/hosts. */
  hostsFile(uid: string): string
  /** Files for the last words of a container's instances. */
  container(uid: string, container: string): string
  /** `logs/pods/<ns>_<name>_<uid>` */
  logs(pod: Pod): string
  /** Seccomp profiles that pods may name. */
  readonly seccomp: string
  /** Makes what must be there before a container starts. */
  prepare(pod: Pod): Promise<void>
  /** Removes the pod's logs, by its uid alone. */
  removeLogs(uid: string): Promise<void>
  /** The uids of all pods that have logs. */
  logUids(): Promise<Set<string>>
}

const uidOfLogs = (name: string): string => name.slice(name.lastIndexOf("_") + 1)

export function newPodDirectories(root: string): PodDirectories {
  const logRoot = join(root, "logs", "pods")
  const logNames = (): Promise<string[]> => readdir(logRoot).catch(() => [])
  const self: PodDirectories = {
    root,
    seccomp: join(root, "seccomp"),
    pod: (uid) => join(root, "pods", uid),
    hostsFile: (uid) => join(root, "pods", uid, "etc-hosts"),
    container: (uid, container) => join(root, "pods", uid, "containers", container),
    logs: (pod) => join(logRoot, `${pod.metadata.namespace}_${pod.metadata.name}_${pod.metadata.uid}`),
    async prepare(pod) {
      await mkdir(self.pod(pod.metadata.uid ?? ""), { recursive: true, mode: 0o750 })
      await mkdir(self.logs(pod), { recursive: true, mode: 0o755 })
    },
    async removeLogs(uid) {
      for (const name of await logNames()) {
        if (uidOfLogs(name) === uid) await rm(join(logRoot, name), { recursive: true, force: true })
      }
    },
    async logUids() {
      return new Set((await logNames()).map(uidOfLogs))
    },
  }
  return self
}
