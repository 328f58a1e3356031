import type { corev1 } from "@ladya/api"
import { isCriError, type RuntimeService } from "@ladya/cri"
import { type Clock, sleep } from "@ladya/util"
import type { PodCgroups } from "../runtime/cgroups.ts"
import { readySandbox } from "../runtime/observed.ts"
import type { RuntimeCache } from "../runtime/runtime-cache.ts"
import type { PodSource } from "../server/types.ts"
import type { ChangeHub } from "./change-hub.ts"
import type { PodManager } from "./manager.ts"
import { findContainer, podUid } from "./pod.ts"

export interface PodSourceDeps {
  pods: Pick<PodManager, "all" | "find">
  cache: RuntimeCache
  runtime: RuntimeService
  cgroups: Pick<PodCgroups, "pathOf">
  changes: ChangeHub
  clock: Clock
}

/** How often an end is looked for though nobody told of one. */
const lookMs = 5_000

function waitingReason(pod: corev1.Pod, name: string): string | undefined {
  const { containerStatuses = [], initContainerStatuses = [], ephemeralContainerStatuses = [] } = pod.status ?? {}
  const all = [...containerStatuses, ...initContainerStatuses, ...ephemeralContainerStatuses]
  return all.find((status) => status.name === name)?.state?.waiting?.reason
}

/** What the kubelet's server asks of pods. */
export function newPodSource(deps: PodSourceDeps): PodSource {
  const { cache, runtime, clock } = deps
  return {
    pods: () => deps.pods.all(),
    pod: (namespace, name) => deps.pods.find(namespace, name),
    async sandboxId(pod) {
      return readySandbox(await cache.get(podUid(pod)))?.id
    },
    async container(pod, containerName, options) {
      if (!findContainer(pod, containerName)) return undefined
      const observed = await cache.get(podUid(pod))
      const instances = observed.containers.filter(({ name }) => name === containerName)
      const instance = instances[options?.previous ? 1 : 0]
      if (!instance && options?.previous) return undefined
      const reason = instance ? undefined : (waitingReason(pod, containerName) ?? "ContainerCreating")
      return {
        name: containerName,
        containerId: instance?.id,
        logPath: instance?.logPath,
        running: instance?.state === "running",
        ...(reason ? { waitingReason: reason } : {}),
        ...(instance && instance.startedAtMs > 0 ? { startedAtMs: instance.startedAtMs } : {}),
      }
    },
    async waitForExit(containerId, signal) {
      for (;;) {
        const uid = await cache.podOf(containerId)
        if (uid === undefined) return
        const changed = deps.changes.next(uid, signal)
        try {
          const { state } = await runtime.containerStatus(containerId, { signal })
          if (state === "CONTAINER_EXITED") return
        } catch (error) {
          if (isCriError(error, "NOT_FOUND")) return
          signal.throwIfAborted()
        }
        await Promise.race([changed, sleep(clock, lookMs, signal)])
      }
    },
    cgroupPath: (pod) => deps.cgroups.pathOf(pod),
  }
}
