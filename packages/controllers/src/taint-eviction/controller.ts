import { type corev1, isPodActive, refs } from "@ladya/api"
import { isStatus, keyOf, keyText, type ObjectKey, semanticEqual, setCondition } from "@ladya/apimachinery"
import { done, type Informer, newController, type Reconciler, type Result, requeueAfter } from "@ladya/client"
import type { ControllerContext, ControllerDefinition } from "../context.ts"
import { byNode, podInformer } from "../shared/indexes.ts"
import { evictionTime, executingTaints } from "./plan.ts"

/** Deletes pods from nodes whose NoExecute taints they do not tolerate, or no longer. */
export const taintEvictionController: ControllerDefinition = {
  name: "taint-eviction",
  account: "node-controller",
  eventSource: "taint-eviction-controller",
  create: (context) => {
    const { informers, clock, log, metrics, config } = context
    const nodes = informers.informer(refs.nodes)
    const pods = podInformer(informers)
    const controller = newController({
      name: "taint-eviction",
      reconciler: new TaintEviction(context, nodes, pods),
      workers: config.workers,
      clock,
      log,
      metrics,
      waitFor: [nodes, pods],
    })
    const enqueuePod = (pod: corev1.Pod): void => {
      const node = nodes.get(pod.spec?.nodeName ?? "")
      if (node && executingTaints(node).length > 0) controller.enqueue(keyOf(pod))
    }
    pods.addHandler({
      add: enqueuePod,
      update: (pod, previous) => {
        const isOther =
          pod.spec?.nodeName !== previous.spec?.nodeName ||
          !semanticEqual(pod.spec?.tolerations, previous.spec?.tolerations)
        if (isOther) enqueuePod(pod)
      },
      delete: (pod) => controller.enqueue(keyOf(pod)),
    })
    const enqueuePodsOf = (node: corev1.Node): void => {
      for (const pod of pods.byIndex(byNode, node.metadata.name ?? "")) controller.enqueue(keyOf(pod))
    }
    nodes.addHandler({
      add: (node) => {
        if (executingTaints(node).length > 0) enqueuePodsOf(node)
      },
      update: (node, previous) => {
        if (!semanticEqual(executingTaints(node), executingTaints(previous))) enqueuePodsOf(node)
      },
    })
    return controller
  },
}

class TaintEviction implements Reconciler {
  readonly #context: ControllerContext
  readonly #nodes: Informer<corev1.Node>
  readonly #pods: Informer<corev1.Pod>
  /** Pods whose time runs, by key: since when. */
  readonly #running = new Map<string, number>()

  constructor(context: ControllerContext, nodes: Informer<corev1.Node>, pods: Informer<corev1.Pod>) {
    this.#context = context
    this.#nodes = nodes
    this.#pods = pods
  }

  async reconcile(key: ObjectKey): Promise<Result> {
    const { clock, recorder } = this.#context
    const id = keyText(key)
    const pod = this.#pods.get(key)
    const node = pod?.spec?.nodeName ? this.#nodes.get(pod.spec.nodeName) : undefined
    const taints = node ? executingTaints(node) : []
    const now = clock.now()
    const since = this.#running.get(id) ?? now
    const at = pod && isPodActive(pod) ? evictionTime(pod, taints, since) : undefined
    if (!pod || at === undefined) {
      if (this.#running.delete(id) && pod && isPodActive(pod)) {
        recorder.event(pod, "Normal", "TaintManagerEviction", `Cancelling deletion of Pod ${id}`)
      }
      return done
    }
    if (at > now) {
      this.#running.set(id, since)
      return requeueAfter(at - now)
    }
    this.#running.delete(id)
    await this.#evict(pod, id)
    return done
  }

  async #evict(pod: corev1.Pod, id: string): Promise<void> {
    const { client, clock, recorder } = this.#context
    const { namespace = "", name = "", uid = "" } = pod.metadata
    const pods = client.resource(refs.pods)
    recorder.event(pod, "Normal", "TaintManagerEviction", `Marking for deletion Pod ${id}`)
    const condition = {
      type: "DisruptionTarget",
      status: "True",
      reason: "DeletionByTaintManager",
      message: "Taint manager: deleting due to NoExecute taint",
    }
    const conditions = setCondition(pod.status?.conditions, condition, clock.now())
    try {
      if (conditions !== pod.status?.conditions) {
        await pods.updateStatus({ ...pod, status: { ...pod.status, conditions: [...conditions] } })
      }
      await pods.delete(name, { namespace, preconditions: { uid } })
    } catch (error) {
      if (!isStatus(error, "NotFound")) throw error
    }
  }
}
