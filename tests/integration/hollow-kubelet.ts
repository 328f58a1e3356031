import { type corev1, nodeNamesOfAffinity, refs } from "@ladya/api"
import { formatTime, isStatus, setCondition } from "@ladya/apimachinery"
import { type Client, type InformerFactory, newController, newInformerFactory } from "@ladya/client"
import { type Clock, type Component, ComponentGroup, type Logger } from "@ladya/util"

export interface HollowKubeletOptions {
  client: Client
  clock: Clock
  log: Logger
  /** Where a pod is bound that is bound to no node yet; nowhere unless told. One that names its node goes there. */
  bindTo?: string
  /** How long a pod takes to become ready, in milliseconds; 0 unless told. Undefined: never. */
  readyAfterMs?(pod: corev1.Pod): number | undefined
  /** Whether, when (milliseconds after its start) and how a pod ends by itself; never unless told. */
  exit?(pod: corev1.Pod): { afterMs: number; code: number } | undefined
  /** How long a pod that is deleted takes to end, in milliseconds; 0 unless told. */
  stopAfterMs?: number
  /** Nodes that are down do nothing; all are up unless told. */
  isUp?(nodeName: string): boolean
  informers?: InformerFactory
}

/**
 * Plays the part of scheduler and kubelets without containers: bound pods run and become ready, deleted pods go. For
 * tests of what stands above the node.
 */
export function newHollowKubelet(options: HollowKubeletOptions): Component {
  const { client, clock, log, bindTo, readyAfterMs = () => 0, stopAfterMs = 0, isUp = () => true, exit } = options
  const informers = options.informers ?? newInformerFactory({ client, clock, log, random: () => 0.5 })
  const pods = informers.informer(refs.pods)
  let addresses = 0
  const controller = newController({
    name: "hollow-kubelet",
    workers: 4,
    clock,
    log,
    waitFor: [pods],
    reconciler: {
      reconcile: async (key) => {
        const pod = pods.get(key)
        if (!pod) return { kind: "done" }
        if (pod.spec?.nodeName && !isUp(pod.spec.nodeName)) return { kind: "done" }
        const { namespace = "", name = "" } = pod.metadata
        const api = client.resource(refs.pods)
        if (pod.metadata.deletionTimestamp) {
          // The time of deletion is when the grace period ends.
          const graceMs = (pod.metadata.deletionGracePeriodSeconds ?? 0) * 1000
          const waited = clock.now() - Date.parse(pod.metadata.deletionTimestamp) + graceMs
          if (waited < stopAfterMs) return { kind: "requeueAfter", ms: stopAfterMs - waited }
          await api.delete(name, { namespace, gracePeriodSeconds: 0 }).catch((error: unknown) => {
            if (!isStatus(error, "NotFound")) throw error
          })
          return { kind: "done" }
        }
        if (!pod.spec?.nodeName) {
          const [wanted = bindTo] = nodeNamesOfAffinity(pod.spec ?? { containers: [] }) ?? []
          if (!wanted) return { kind: "done" }
          const target = { apiVersion: "v1", kind: "Node", name: wanted }
          await api.createSubresource(
            name,
            "binding",
            { apiVersion: "v1", kind: "Binding", metadata: { name, namespace }, target },
            { namespace },
          )
          return { kind: "done" }
        }
        if (pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed") return { kind: "done" }
        const after = readyAfterMs(pod)
        const age = clock.now() - Date.parse(pod.status?.startTime ?? formatTime(clock.now()))
        const isReady = after !== undefined && age >= after
        const end = exit?.(pod)
        if (end && age >= end.afterMs && pod.status?.phase === "Running") {
          await api.updateStatus({ ...pod, status: endedStatus(pod, end.code, clock.now()) })
          return { kind: "done" }
        }
        const podIP = pod.status?.podIP ?? `10.244.${(addresses >> 8) & 255}.${(addresses++ & 255) + 1}`
        const status = runningStatus(pod, isReady, podIP, clock.now())
        if (JSON.stringify(status) !== JSON.stringify(pod.status)) await api.updateStatus({ ...pod, status })
        const waits = [...(after !== undefined && !isReady ? [after - age] : []), ...(end ? [end.afterMs - age] : [])]
        return waits.length > 0 ? { kind: "requeueAfter", ms: Math.max(Math.min(...waits), 1) } : { kind: "done" }
      },
    },
  })
  pods.addHandler({
    add: (pod) => controller.enqueue({ namespace: pod.metadata.namespace ?? "", name: pod.metadata.name ?? "" }),
    update: (pod) => controller.enqueue({ namespace: pod.metadata.namespace ?? "", name: pod.metadata.name ?? "" }),
  })
  return new ComponentGroup("hollow kubelet", [...(options.informers ? [] : [informers]), controller], log)
}

function runningStatus(pod: corev1.Pod, isReady: boolean, podIP: string, now: number): corev1.PodStatus {
  const ready = isReady ? "True" : "False"
  let conditions: readonly corev1.PodCondition[] = pod.status?.conditions ?? []
  for (const type of ["Initialized", "PodScheduled"])
    conditions = setCondition(conditions, { type, status: "True" }, now)
  for (const type of ["ContainersReady", "Ready"]) conditions = setCondition(conditions, { type, status: ready }, now)
  return {
    ...pod.status,
    phase: "Running",
    startTime: pod.status?.startTime ?? formatTime(now),
    hostIP: "192.0.2.1",
    podIP,
    podIPs: [{ ip: podIP }],
    conditions: [...conditions],
  }
}

function endedStatus(pod: corev1.Pod, exitCode: number, now: number): corev1.PodStatus {
  let conditions: readonly corev1.PodCondition[] = pod.status?.conditions ?? []
  for (const type of ["ContainersReady", "Ready"]) {
    const reason = exitCode === 0 ? "PodCompleted" : "PodFailed"
    conditions = setCondition(conditions, { type, status: "False", reason }, now)
  }
  return {
    ...pod.status,
    phase: exitCode === 0 ? "Succeeded" : "Failed",
    conditions: [...conditions],
    containerStatuses: (pod.spec?.containers ?? []).map(({ name, image = "" }) => ({
      name,
      image,
      imageID: "",
      ready: false,
      restartCount: 0,
      state: {
        terminated: { exitCode, reason: exitCode === 0 ? "Completed" : "Error", finishedAt: formatTime(now) },
      },
    })),
  }
}
