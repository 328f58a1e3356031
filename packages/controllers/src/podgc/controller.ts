import { type corev1, isPodTerminal, refs } from "@ladya/api"
import { isStatus, setCondition } from "@ladya/apimachinery"
import { mapLimit, SyncLoop } from "@ladya/util"
import type { ControllerContext, ControllerDefinition } from "../context.ts"
import { podInformer } from "../shared/indexes.ts"
import { type PodGcReason, planPodGc } from "./plan.ts"

/** A node that has gone may come back under its name: its pods are spared for so long. */
const quarantineMs = 40_000
const parallel = 8

/** Removes pods that nobody else will: of nodes that are gone, and too many that have ended. */
export const podGcController: ControllerDefinition = {
  name: "pod-garbage-collector",
  account: "pod-garbage-collector",
  eventSource: "pod-garbage-collector",
  create: (context) => {
    const { informers, clock, log, config } = context
    const pods = podInformer(informers)
    const nodes = informers.informer(refs.nodes)
    const missingSince = new Map<string, number>()
    const hasNode = (name: string): boolean => {
      if (nodes.get(name)) {
        missingSince.delete(name)
        return true
      }
      const since = missingSince.get(name) ?? clock.monotonic()
      missingSince.set(name, since)
      return clock.monotonic() - since < quarantineMs
    }
    const loop = new SyncLoop({
      name: "pod-garbage-collector",
      clock,
      log,
      resyncMs: config.podGcPeriodMs,
      sync: async () => {
        const found = planPodGc({
          pods: pods.values(),
          hasNode,
          node: (name) => nodes.get(name),
          terminatedThreshold: config.terminatedPodThreshold,
        })
        await mapLimit(found, parallel, ({ pod, reason }) => remove(context, pod, reason))
      },
    })
    return {
      name: "pod-garbage-collector",
      start: async () => {
        await Promise.all([pods.synced(), nodes.synced()])
        loop.start()
      },
      stop: () => loop.stop(),
    }
  },
}

async function remove({ client, clock }: ControllerContext, pod: corev1.Pod, reason: PodGcReason): Promise<void> {
  const { namespace = "", name = "", uid = "" } = pod.metadata
  const api = client.resource(refs.pods)
  try {
    // Whoever counts pods must see that this one has failed, not just vanished.
    if (!isPodTerminal(pod)) {
      const patch = { metadata: { uid }, status: failedStatus(pod, reason, clock.now()) }
      await api.patch(name, "strategic", patch, { namespace, subresource: "status" })
    }
    await api.delete(name, { namespace, gracePeriodSeconds: 0, preconditions: { uid } })
  } catch (error) {
    if (!isStatus(error, "NotFound", "Conflict")) throw error
  }
}

/** What changes of the status; conditions are merged by their type. */
function failedStatus(pod: corev1.Pod, reason: PodGcReason, now: number): corev1.PodStatus {
  if (reason !== "orphaned") return { phase: "Failed" }
  const condition = {
    type: "DisruptionTarget",
    status: "True",
    reason: "DeletionByPodGC",
    message: "PodGC: node no longer exists",
  }
  const set = setCondition(pod.status?.conditions, condition, now)
  return { phase: "Failed", conditions: set.filter((one) => one.type === condition.type) }
}
