import type * as corev1 from "../../../generated/types/corev1.ts"
import { isPodReady, isPodTerminal, isSidecar, podCondition } from "../../../helpers/pods.ts"
import type { Column } from "../../../kind.ts"
import { ageColumn, nameColumn, orNone, text, wide } from "../../../printing/columns.ts"
import { humanDuration } from "../../../printing/duration.ts"

type Pod = corev1.Pod

interface Restarts {
  count: number
  /** When the last of them was, in milliseconds since the epoch; 0 when unknown. */
  last: number
}

function addRestarts(restarts: Restarts, status: corev1.ContainerStatus): void {
  restarts.count += status.restartCount
  const finished = status.lastState?.terminated?.finishedAt
  if (finished) restarts.last = Math.max(restarts.last, Date.parse(finished))
}

function exitText(terminated: corev1.ContainerStateTerminated): string {
  if (terminated.reason) return terminated.reason
  return terminated.signal ? `Signal:${terminated.signal}` : `ExitCode:${terminated.exitCode}`
}

interface PodSummary {
  ready: number
  total: number
  /** The word in the Status column. */
  reason: string
  restarts: Restarts
}

interface InitProgress {
  ready: number
  /** Set while an init container is not done. */
  reason: string | undefined
  restarts: Restarts
  sidecarRestarts: Restarts
}

function summarizeInit(pod: Pod): InitProgress {
  const containers = pod.spec?.initContainers ?? []
  const progress: InitProgress = {
    ready: 0,
    reason: undefined,
    restarts: { count: 0, last: 0 },
    sidecarRestarts: { count: 0, last: 0 },
  }
  for (const [index, status] of (pod.status?.initContainerStatuses ?? []).entries()) {
    const container = containers.find((entry) => entry.name === status.name)
    const sidecar = container !== undefined && isSidecar(container)
    addRestarts(progress.restarts, status)
    if (sidecar) addRestarts(progress.sidecarRestarts, status)
    const terminated = status.state?.terminated
    const waiting = status.state?.waiting
    if (terminated?.exitCode === 0) continue
    if (sidecar && status.started) {
      if (status.ready) progress.ready++
      continue
    }
    if (terminated) progress.reason = `Init:${exitText(terminated)}`
    else if (waiting?.reason && waiting.reason !== "PodInitializing") progress.reason = `Init:${waiting.reason}`
    else progress.reason = `Init:${index}/${containers.length}`
    break
  }
  return progress
}

/** What `kubectl get pods` says of a pod. */
export function summarizePod(pod: Pod): PodSummary {
  const { spec, status } = pod
  const total = (spec?.containers?.length ?? 0) + (spec?.initContainers ?? []).filter(isSidecar).length
  let reason = status?.reason || status?.phase || ""
  if (podCondition(pod, "PodScheduled")?.reason === "SchedulingGated") reason = "SchedulingGated"
  const init = summarizeInit(pod)
  let { ready, restarts } = init
  if (init.reason !== undefined) reason = init.reason
  if (init.reason === undefined || podCondition(pod, "Initialized")?.status === "True") {
    restarts = init.sidecarRestarts
    let hasRunning = false
    // From the last to the first, so that the first container with something to say has the last word.
    for (const container of (status?.containerStatuses ?? []).toReversed()) {
      addRestarts(restarts, container)
      const { waiting, terminated, running } = container.state ?? {}
      if (waiting?.reason) reason = waiting.reason
      else if (terminated) reason = exitText(terminated)
      else if (container.ready && running) {
        hasRunning = true
        ready++
      }
    }
    if (reason === "Completed" && hasRunning) reason = isPodReady(pod) ? "Running" : "NotReady"
  }
  if (pod.metadata.deletionTimestamp) {
    if (status?.reason === "NodeLost") reason = "Unknown"
    else if (!isPodTerminal(pod)) reason = "Terminating"
  }
  return { ready, total, reason, restarts }
}

function restartsText({ count, last }: Restarts, now: number): string {
  return count > 0 && last > 0 ? `${count} (${humanDuration(now - last)} ago)` : String(count)
}

function readinessGatesText(pod: Pod): string {
  const gates = pod.spec?.readinessGates ?? []
  if (gates.length === 0) return "<none>"
  const met = gates.filter((gate) => podCondition(pod, gate.conditionType)?.status === "True").length
  return `${met}/${gates.length}`
}

export const podColumns: readonly Column<Pod>[] = [
  nameColumn,
  text("Ready", (pod) => {
    const { ready, total } = summarizePod(pod)
    return `${ready}/${total}`
  }),
  text("Status", (pod) => summarizePod(pod).reason),
  text("Restarts", (pod, now) => restartsText(summarizePod(pod).restarts, now)),
  ageColumn,
  wide(text("IP", (pod) => orNone(pod.status?.podIPs?.[0]?.ip ?? pod.status?.podIP))),
  wide(text("Node", (pod) => orNone(pod.spec?.nodeName))),
  wide(text("Nominated Node", (pod) => orNone(pod.status?.nominatedNodeName))),
  wide(text("Readiness Gates", readinessGatesText)),
]
