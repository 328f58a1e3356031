import { type corev1, refs } from "@ladya/api"
import { isStatus, keyOf, type ObjectKey } from "@ladya/apimachinery"
import { done, type Informer, newController, type Reconciler, type Result } from "@ladya/client"
import type { Component } from "@ladya/util"
import type { ControllerContext, ControllerDefinition } from "../context.ts"
import { Freshness } from "../shared/freshness.ts"
import { CidrPool } from "./cidrs.ts"

/** Gives every node a part of the pods' addresses. */
export const nodeIpamController: ControllerDefinition = {
  name: "node-ipam",
  account: "node-controller",
  eventSource: "cidrAllocator",
  create: (context) => {
    const { informers, clock, log, metrics, config } = context
    const nodes = informers.informer(refs.nodes)
    const pool = new CidrPool(config.clusterCidr, config.nodeCidrMaskSize)
    const controller = newController({
      name: "node-ipam",
      reconciler: new IpamReconciler(context, nodes, pool),
      // One at a time: two workers could not give out more in the same time.
      workers: 1,
      clock,
      log,
      metrics,
      waitFor: [nodes],
    })
    if (!config.allocateNodeCidrs) return idle(controller)
    // Before any worker runs, all parts that nodes have already are taken: the first list comes through here.
    nodes.addHandler({
      add: (node) => {
        for (const cidr of cidrsOf(node)) {
          if (!pool.occupy(cidr))
            log.warn("a node's pod addresses are not of this cluster", { node: node.metadata.name, cidr })
        }
        controller.enqueue(keyOf(node))
      },
      update: (node) => {
        if (cidrsOf(node).length === 0) controller.enqueue(keyOf(node))
      },
      delete: (node) => {
        for (const cidr of cidrsOf(node)) pool.release(cidr)
      },
    })
    return controller
  },
}

function idle(component: Component): Component {
  return { name: component.name, start: async () => undefined, stop: async () => undefined }
}

function cidrsOf(node: corev1.Node): readonly string[] {
  const { podCIDR, podCIDRs } = node.spec ?? {}
  return podCIDRs && podCIDRs.length > 0 ? podCIDRs : podCIDR ? [podCIDR] : []
}

class IpamReconciler implements Reconciler {
  readonly #context: ControllerContext
  readonly #nodes: Informer<corev1.Node>
  readonly #pool: CidrPool
  readonly #fresh: Freshness<corev1.Node>
  /** Parts that were offered to a node, by its uid, until the API has taken them. */
  readonly #offered = new Map<string, string>()

  constructor(context: ControllerContext, nodes: Informer<corev1.Node>, pool: CidrPool) {
    this.#context = context
    this.#nodes = nodes
    this.#pool = pool
    this.#fresh = new Freshness(nodes, context.clock)
  }

  async reconcile({ name }: ObjectKey): Promise<Result> {
    const node = this.#nodes.get(name)
    if (!node) this.#fresh.forget(name)
    if (!node || node.metadata.deletionTimestamp || cidrsOf(node).length > 0) return done
    if (!this.#fresh.isFresh(name)) return done
    const { client, recorder } = this.#context
    const { uid = "" } = node.metadata
    const cidr = this.#offered.get(uid) ?? this.#pool.allocate()
    if (!cidr) {
      recorder.event(node, "Normal", "CIDRNotAvailable", `Node ${name} status is now: CIDRNotAvailable`)
      throw new Error(`no addresses are left for the pods of node ${name}`)
    }
    // When nobody knows whether the API took it, the same part is offered again.
    this.#offered.set(uid, cidr)
    try {
      const patch = { metadata: { uid }, spec: { podCIDR: cidr, podCIDRs: [cidr] } }
      this.#fresh.wrote(name, await client.resource(refs.nodes).patch(name, "merge", patch))
      this.#offered.delete(uid)
    } catch (error) {
      if (isStatus(error, "Conflict", "NotFound", "Invalid", "Forbidden")) {
        this.#offered.delete(uid)
        this.#pool.release(cidr)
      }
      if (!isStatus(error, "NotFound")) throw error
    }
    return done
  }
}
