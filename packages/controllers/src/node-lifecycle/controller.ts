import { type coordinationv1, type corev1, isPodReady, refs } from "@ladya/api"
import { findCondition, formatTime, isStatus, keyOf, type ObjectKey, setCondition } from "@ladya/apimachinery"
import { type Controller, done, type Informer, newController, type Result } from "@ladya/client"
import { type Component, ComponentGroup, mapLimit, SyncLoop } from "@ladya/util"
import type { ControllerContext, ControllerDefinition } from "../context.ts"
import { byNode, podInformer } from "../shared/indexes.ts"
import { NodeHealth, silentConditions } from "./health.ts"
import { evictionTaintOf, hasEvictionTaint, taintsOf } from "./taints.ts"
import { EvictionGate } from "./zones.ts"

const leaseNamespace = "kube-node-lease"
const parallel = 30

/** Notices nodes that went silent, and keeps the taints that nodes' conditions call for. */
export const nodeLifecycleController: ControllerDefinition = {
  name: "node",
  account: "node-controller",
  eventSource: "node-controller",
  create: (context) => new NodeLifecycle(context).component,
}

class NodeLifecycle {
  readonly component: Component
  readonly #context: ControllerContext
  readonly #nodes: Informer<corev1.Node>
  readonly #leases: Informer<coordinationv1.Lease>
  readonly #pods: Informer<corev1.Pod>
  readonly #health = new NodeHealth()
  readonly #gate: EvictionGate
  readonly #controller: Controller
  /** Nodes whose turn for eviction has come. */
  readonly #mayEvict = new Set<string>()

  constructor(context: ControllerContext) {
    const { informers, clock, log, metrics, config, recorder } = context
    this.#context = context
    this.#nodes = informers.informer(refs.nodes)
    this.#leases = informers.informer(refs.leases, { namespace: leaseNamespace })
    this.#pods = podInformer(informers)
    this.#gate = new EvictionGate(clock, config)
    this.#controller = newController({
      name: "node-lifecycle",
      reconciler: { reconcile: (key) => this.#reconcile(key) },
      workers: config.workers,
      clock,
      log,
      metrics,
      waitFor: [this.#nodes, this.#leases, this.#pods],
    })
    this.#nodes.addHandler({
      add: (node) => {
        const { name = "" } = node.metadata
        recorder.event(node, "Normal", "RegisteredNode", `Node ${name} event: Registered Node ${name} in Controller`)
        this.#controller.enqueue(name)
      },
      update: (node) => this.#controller.enqueue(keyOf(node)),
      delete: (node) => {
        const { name = "" } = node.metadata
        recorder.event(node, "Normal", "RemovingNode", `Node ${name} event: Removing Node ${name} from Controller`)
        this.#health.forget(name)
        this.#mayEvict.delete(name)
      },
    })
    const loop = new SyncLoop({
      name: "node-monitor",
      clock,
      log,
      resyncMs: config.nodeMonitorPeriodMs,
      sync: () => this.#monitor(),
    })
    const monitor: Component = {
      name: "node monitor",
      start: async () => {
        loop.start()
        loop.trigger()
      },
      stop: () => loop.stop(),
    }
    this.component = new ComponentGroup("node-lifecycle", [this.#controller, monitor], log)
  }

  async #monitor(): Promise<void> {
    const { clock, config } = this.#context
    const now = clock.monotonic()
    const graces = { graceMs: config.nodeMonitorGracePeriodMs, startupGraceMs: config.nodeStartupGracePeriodMs }
    const wasAllDisrupted = this.#gate.isAllDisrupted
    const waiting: corev1.Node[] = []
    for (const node of this.#nodes.values()) {
      const { name = "" } = node.metadata
      if (!evictionTaintOf(node)) this.#mayEvict.delete(name)
      else if (!hasEvictionTaint(node) && !this.#mayEvict.has(name)) waiting.push(node)
    }
    for (const { metadata } of this.#gate.admit(this.#nodes.values(), waiting)) {
      this.#mayEvict.add(metadata.name ?? "")
      this.#controller.enqueue(metadata.name ?? "")
    }
    if (this.#gate.isAllDisrupted && !wasAllDisrupted) {
      this.#mayEvict.clear()
      for (const node of this.#nodes.values()) if (hasEvictionTaint(node)) this.#controller.enqueue(keyOf(node))
    }
    if (wasAllDisrupted && !this.#gate.isAllDisrupted) this.#health.pardonAll(now)
    const silent = [...this.#nodes.values()].filter((node) => {
      const lease = this.#leases.get(`${leaseNamespace}/${node.metadata.name}`)
      return this.#health.isSilent(node, lease, now, graces)
    })
    await mapLimit(silent, parallel, (node) => this.#declareSilent(node))
  }

  async #declareSilent(node: corev1.Node): Promise<void> {
    const { client, clock, recorder } = this.#context
    const conditions = silentConditions(node, clock.now())
    if (conditions === node.status?.conditions) return
    const { name = "" } = node.metadata
    if (findCondition(node.status?.conditions, "Ready")?.status === "True") {
      recorder.event(node, "Normal", "NodeNotReady", `Node ${name} status is now: NodeNotReady`)
    }
    try {
      const status = { ...node.status, conditions: [...conditions] }
      await client.resource(refs.nodes).updateStatus({ ...node, status })
    } catch (error) {
      // A conflict means that the node has spoken after all; the next look will tell.
      if (!isStatus(error, "Conflict", "NotFound")) throw error
    }
  }

  async #reconcile({ name }: ObjectKey): Promise<Result> {
    const node = this.#nodes.get(name)
    if (!node) return done
    const { client, clock } = this.#context
    const taints = taintsOf(node, this.#mayEvict.has(name), this.#gate.isAllDisrupted, clock.now())
    if (taints !== node.spec?.taints && !(taints.length === 0 && !node.spec?.taints)) {
      const patch = {
        metadata: { resourceVersion: node.metadata.resourceVersion },
        spec: { taints: taints.length > 0 ? taints : null },
      }
      await client.resource(refs.nodes).patch(name, "merge", patch)
    }
    if (findCondition(node.status?.conditions, "Ready")?.status === "Unknown") await this.#markPodsNotReady(name)
    return done
  }

  /** Services must not send anything to pods of which nothing is known; their own node cannot say so. */
  async #markPodsNotReady(nodeName: string): Promise<void> {
    const { client, clock, recorder } = this.#context
    const ready = this.#pods.byIndex(byNode, nodeName).filter(isPodReady)
    await mapLimit(ready, parallel, async (pod) => {
      const previous = findCondition(pod.status?.conditions, "Ready")
      const conditions = setCondition(
        pod.status?.conditions,
        { ...previous, type: "Ready", status: "False", lastTransitionTime: formatTime(clock.now()) },
        clock.now(),
      )
      try {
        await client
          .resource(refs.pods)
          .updateStatus({ ...pod, status: { ...pod.status, conditions: [...conditions] } })
        recorder.event(pod, "Warning", "NodeNotReady", "Node is not ready")
      } catch (error) {
        if (!isStatus(error, "NotFound")) throw error
      }
    })
  }
}
