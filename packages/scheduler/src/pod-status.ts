import { type corev1, podCondition, refs } from "@ladya/api"
import { formatTime, isStatus } from "@ladya/apimachinery"
import type { Client } from "@ladya/client"
import { type Clock, errorMessage, type Logger } from "@ladya/util"

export interface PodStatusWriter {
  /**
   * Says in the pod's status why it is not scheduled, and where room is being made for it (empty: nowhere). Writes
   * only what is new; failures are logged, the next attempt writes again.
   */
  unscheduled(pod: corev1.Pod, reason: "Unschedulable" | "SchedulerError", message: string, nominated: string): void
  /** Resolves when what was begun has been written. */
  flush(): Promise<void>
}

export function newPodStatusWriter(deps: { client: Client; clock: Clock; log: Logger }): PodStatusWriter {
  const { client, clock, log } = deps
  const pods = client.resource(refs.pods)
  const running = new Set<Promise<void>>()

  async function write(pod: corev1.Pod, patch: object): Promise<void> {
    const { name = "", namespace = "" } = pod.metadata
    try {
      await pods.patch(name, "strategic", patch, { namespace, subresource: "status" })
    } catch (error) {
      if (isStatus(error, "NotFound")) return
      log.warn("pod status was not written", { pod: `${namespace}/${name}`, reason: errorMessage(error) })
    }
  }

  return {
    unscheduled(pod, reason, message, nominated) {
      const known = podCondition(pod, "PodScheduled")
      const same = known?.status === "False" && known.reason === reason && known.message === message
      const knownNomination = pod.status?.nominatedNodeName ?? ""
      if (same && knownNomination === nominated) return
      const moved = known?.status !== "False" || known.lastTransitionTime === undefined
      const condition = {
        type: "PodScheduled",
        status: "False",
        reason,
        message,
        lastTransitionTime: moved ? formatTime(clock.now()) : known?.lastTransitionTime,
        ...(pod.metadata.generation === undefined ? {} : { observedGeneration: pod.metadata.generation }),
      }
      const nomination = knownNomination === nominated ? {} : { nominatedNodeName: nominated || null }
      const work = write(pod, { status: { conditions: [condition], ...nomination } })
      running.add(work)
      void work.finally(() => running.delete(work))
    },
    async flush() {
      await Promise.all(running)
    },
  }
}
