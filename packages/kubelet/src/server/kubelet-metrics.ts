import { addProcessMetrics, type Clock, type MetricsRegistry } from "@ladya/util"
import { isTerminalPhase } from "../pods/pod.ts"
import type { PodSource } from "./types.ts"

/** What `/metrics` says of the node's pods and of the agent itself. */
export function addKubeletMetrics(
  registry: MetricsRegistry,
  deps: { pods: Pick<PodSource, "pods">; clock: Clock; nodeName: string },
): void {
  addProcessMetrics(registry, deps.clock)
  registry.gauge("kubelet_node_name", "The node's name; always 1").set(1, { node: deps.nodeName })
  const pods = registry.gauge("kubelet_running_pods", "Pods of this node that have a running container")
  const containers = registry.gauge("kubelet_running_containers", "Containers of this node by state")
  const desired = registry.gauge("kubelet_desired_pods", "Pods of this node that are to run")
  registry.onCollect(() => {
    const counts = { running: 0, waiting: 0, exited: 0 }
    let runningPods = 0
    let desiredPods = 0
    for (const { status } of deps.pods.pods()) {
      const states = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])]
      const running = states.filter(({ state }) => state?.running).length
      counts.running += running
      counts.waiting += states.filter(({ state }) => state?.waiting).length
      counts.exited += states.filter(({ state }) => state?.terminated).length
      if (running > 0) runningPods++
      if (!isTerminalPhase(status?.phase)) desiredPods++
    }
    pods.set(runningPods)
    desired.set(desiredPods)
    for (const [state, count] of Object.entries(counts)) containers.set(count, { container_state: state })
  })
}
