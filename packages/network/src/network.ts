import { type corev1, refs } from "@ladya/api"
import type { Informer, InformerFactory } from "@ladya/client"
import { type Clock, type Component, type Logger, SyncLoop } from "@ladya/util"
import { applyMasquerade, applyPlan, findLink } from "./kernel.ts"
import { type NetworkNode, planNetwork } from "./plan.ts"
import { applySysctls } from "./sysctl.ts"

export interface NetworkDeps {
  informers: InformerFactory
  clock: Clock
  log: Logger
  config: {
    nodeName: string
    /** The IPv4 address of this node on the link between nodes. */
    nodeAddress: string
    /** The addresses of all pods, such as `10.244.0.0/16`. */
    clusterCIDR: string
  }
}

const isIPv4 = (text: string | undefined): text is string => text?.includes(".") ?? false

/** A Node as the network sees it; undefined while it has no address or no pod range. */
export function networkNodeOf(node: corev1.Node): NetworkNode | undefined {
  const address = node.status?.addresses?.find((entry) => entry.type === "InternalIP" && isIPv4(entry.address))?.address
  const podCIDR = (node.spec?.podCIDRs ?? [node.spec?.podCIDR]).find(isIPv4)
  return address && podCIDR ? { name: node.metadata.name ?? "", address, podCIDR } : undefined
}

/** Keeps this node's routes to the pods of all other nodes. What it made stays when it stops: pods go on talking. */
export function newNetwork(deps: NetworkDeps): Component {
  return new Network(deps)
}

class Network implements Component {
  readonly name = "network"
  readonly #deps: NetworkDeps
  readonly #nodes: Informer<corev1.Node>
  readonly #loop: SyncLoop
  #removeHandler: (() => void) | undefined

  constructor(deps: NetworkDeps) {
    this.#deps = deps
    this.#nodes = deps.informers.informer(refs.nodes)
    this.#loop = new SyncLoop({
      name: this.name,
      clock: deps.clock,
      log: deps.log,
      minIntervalMs: 100,
      resyncMs: 300_000,
      sync: () => this.#sync(),
    })
  }

  async start(): Promise<void> {
    await applySysctls(this.#deps.log)
    await applyMasquerade(this.#deps.config.clusterCIDR)
    await this.#nodes.synced()
    const same = (a: corev1.Node, b: corev1.Node): boolean =>
      JSON.stringify(networkNodeOf(a)) === JSON.stringify(networkNodeOf(b))
    this.#removeHandler = this.#nodes.addHandler({
      add: () => this.#loop.trigger(),
      update: (node, previous) => {
        if (!same(node, previous)) this.#loop.trigger()
      },
      delete: () => this.#loop.trigger(),
    })
    this.#loop.start()
  }

  async stop(): Promise<void> {
    this.#removeHandler?.()
    await this.#loop.stop()
  }

  async #sync(): Promise<void> {
    const { nodeName, nodeAddress } = this.#deps.config
    const nodes = this.#nodes.list().flatMap((node) => networkNodeOf(node) ?? [])
    const own = nodes.find((node) => node.name === nodeName)
    // Without a pod range of its own this node has no pods to connect; the Node's update triggers again.
    if (!own) return
    const self = { ...own, address: nodeAddress }
    const link = await findLink(nodeAddress)
    await applyPlan(self, link, planNetwork(self, link, nodes))
  }
}
