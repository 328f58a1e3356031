import { type corev1, type discoveryv1, refs, serviceKeyOf } from "@ladya/api"
import type { Informer, InformerFactory } from "@ladya/client"
import { type Clock, type Component, errorMessage, type Logger, run, SyncLoop } from "@ladya/util"
import { ConntrackCleaner } from "./conntrack.ts"
import { type Fragment, newFragment } from "./nft/fragment.ts"
import { baseTable, TableState, tableName } from "./nft/table.ts"
import { type NodeFacts, type PortPlan, planService } from "./plan.ts"

export interface ProxyDeps {
  informers: InformerFactory
  clock: Clock
  log: Logger
  config: {
    nodeName: string
    /** The addresses of all pods. */
    clusterCIDR: string
    /** The addresses of all Services. */
    serviceCIDR: string
  }
  /** Carries an nft script out; the real nft unless told. */
  apply?: (script: string) => Promise<void>
}

const serviceIndex = "service"

const nft = async (script: string): Promise<void> => {
  await run("nft", ["-f", "-"], script)
}

/** Takes away all that this package put into the kernel. */
export async function removeProxy(): Promise<void> {
  await nft(`table ip ${tableName}\ndelete table ip ${tableName}\n`)
}

/**
 * Carries Services out on this node with nftables. A change of a Service or a slice sends that Service's part alone.
 * The rules stay when it stops: connections go on.
 */
export function newProxy(deps: ProxyDeps): Component {
  return new ServiceProxy(deps)
}

class ServiceProxy implements Component {
  readonly name = "proxy"
  readonly #deps: ProxyDeps
  readonly #services: Informer<corev1.Service>
  readonly #slices: Informer<discoveryv1.EndpointSlice>
  readonly #nodes: Informer<corev1.Node>
  readonly #loop: SyncLoop
  readonly #state = new TableState()
  readonly #plans = new Map<string, PortPlan[]>()
  readonly #conntrack: ConntrackCleaner
  readonly #handlers: (() => void)[] = []
  readonly #apply: (script: string) => Promise<void>
  #dirty = new Set<string>()
  #fresh = false
  #node: NodeFacts

  constructor(deps: ProxyDeps) {
    this.#deps = deps
    this.#apply = deps.apply ?? nft
    this.#node = { name: deps.config.nodeName, zone: undefined }
    this.#services = deps.informers.informer(refs.services)
    this.#slices = deps.informers.informer(refs.endpointslices, {
      indexers: { [serviceIndex]: (slice) => [serviceKeyOf(slice) ?? ""] },
    })
    this.#nodes = deps.informers.informer(refs.nodes)
    this.#conntrack = new ConntrackCleaner(deps.log)
    this.#loop = new SyncLoop({
      name: this.name,
      clock: deps.clock,
      log: deps.log,
      minIntervalMs: 20,
      sync: () => this.#sync(),
    })
  }

  /** Ready when the rules of all Services known at this time are in the kernel. */
  async start(): Promise<void> {
    await Promise.all([this.#services.synced(), this.#slices.synced(), this.#nodes.synced()])
    const service = (object: corev1.Service): void =>
      this.#touch(`${object.metadata.namespace}/${object.metadata.name}`)
    const slice = (object: discoveryv1.EndpointSlice): void => this.#touch(serviceKeyOf(object))
    const node = (object: corev1.Node): void => this.#nodeChanged(object)
    this.#handlers.push(
      this.#nodes.addHandler({ add: node, update: node }),
      this.#services.addHandler({ add: service, update: service, delete: service }),
      this.#slices.addHandler({
        add: slice,
        update: (next, previous) => {
          slice(next)
          slice(previous)
        },
        delete: slice,
      }),
    )
    await this.#sync()
    this.#loop.start()
  }

  async stop(): Promise<void> {
    for (const remove of this.#handlers) remove()
    await this.#loop.stop()
    if (this.#dirty.size > 0) await this.#sync().catch(() => undefined)
  }

  #touch(key: string | undefined): void {
    if (!key) return
    this.#dirty.add(key)
    this.#loop.trigger()
  }

  #nodeChanged(node: corev1.Node): void {
    if (node.metadata.name !== this.#node.name) return
    const zone = node.metadata.labels?.["topology.kubernetes.io/zone"]
    if (zone === this.#node.zone) return
    this.#node = { ...this.#node, zone }
    for (const service of this.#services.values()) this.#touch(`${service.metadata.namespace}/${service.metadata.name}`)
  }

  async #sync(): Promise<void> {
    const dirty = this.#fresh
      ? this.#dirty
      : new Set([...this.#services.values()].map((service) => `${service.metadata.namespace}/${service.metadata.name}`))
    this.#dirty = new Set()
    const before = new Map<string, PortPlan[]>()
    const changes = new Map<string, Fragment | undefined>()
    for (const key of dirty) {
      const service = this.#services.get(key)
      const plans = service ? planService(service, this.#slices.byIndex(serviceIndex, key), this.#node) : []
      before.set(key, this.#plans.get(key) ?? [])
      if (plans.length > 0) this.#plans.set(key, plans)
      else this.#plans.delete(key)
      changes.set(key, plans.length > 0 ? newFragment(plans, this.#deps.config.clusterCIDR) : undefined)
    }
    if (!this.#fresh) this.#state.clear()
    const script = (this.#fresh ? "" : baseTable(this.#deps.config.serviceCIDR)) + this.#state.change(changes)
    if (!script) return
    try {
      await this.#apply(script)
      this.#fresh = true
    } catch (error) {
      // What the kernel holds is not known for sure: the next run makes the whole table anew, in one transaction.
      this.#fresh = false
      throw new Error(`nftables refused the rules of ${changes.size} Services: ${errorMessage(error)}`)
    }
    for (const key of dirty) await this.#conntrack.clean(before.get(key) ?? [], this.#plans.get(key) ?? [])
  }
}
