import { readFile } from "node:fs/promises"
import { type corev1, type discoveryv1, refs, serviceKeyOf } from "@ladya/api"
import type { Client, Informer, InformerFactory } from "@ladya/client"
import { type Clock, type Component, errorMessage, type Logger, type Random } from "@ladya/util"
import { type Forwarder, nameserversOf, newForwarder } from "./forward.ts"
import { newSlicePublisher, type SlicePublisher } from "./publisher.ts"
import { RecordIndex, recordsOf } from "./records.ts"
import { newResponder } from "./responder.ts"
import { DnsServer } from "./server.ts"

export interface DnsDeps {
  client: Client
  informers: InformerFactory
  clock: Clock
  random: Random
  log: Logger
  config: {
    nodeName: string
    /** What it publishes. */
    nodeAddress: string
    /** Where it listens; `nodeAddress` unless told. */
    listenAddress?: string
    /** UDP and TCP; 10053 in a cluster. */
    port: number
    /** Such as `cluster.local`. */
    clusterDomain: string
    /** Servers for foreign names; those of /etc/resolv.conf unless told. */
    upstreams?: readonly string[]
  }
}

const serviceIndex = "service"
const ttlSeconds = 5

/** The cluster's DNS on one node: answers from Services and EndpointSlices, asks upstream for the rest, and publishes itself behind `kube-dns`. */
export function newDns(deps: DnsDeps): Component {
  return new Dns(deps)
}

class Dns implements Component {
  readonly name = "dns"
  readonly #deps: DnsDeps
  readonly #services: Informer<corev1.Service>
  readonly #slices: Informer<discoveryv1.EndpointSlice>
  readonly #index: RecordIndex
  readonly #publisher: SlicePublisher
  readonly #handlers: (() => void)[] = []
  #server: DnsServer | undefined

  constructor(deps: DnsDeps) {
    this.#deps = deps
    this.#index = new RecordIndex(deps.config.clusterDomain)
    this.#services = deps.informers.informer(refs.services)
    this.#slices = deps.informers.informer(refs.endpointslices, {
      indexers: { [serviceIndex]: (slice) => [serviceKeyOf(slice) ?? ""] },
    })
    this.#publisher = newSlicePublisher(deps)
  }

  async start(): Promise<void> {
    const { config, log, random } = this.#deps
    await Promise.all([this.#services.synced(), this.#slices.synced()])
    const service = (object: corev1.Service): void =>
      this.#update(`${object.metadata.namespace}/${object.metadata.name}`)
    const slice = (object: discoveryv1.EndpointSlice): void => this.#update(serviceKeyOf(object))
    this.#handlers.push(
      this.#services.addHandler({ add: service, update: service, delete: service }),
      this.#slices.addHandler({
        add: slice,
        update: (next, previous) => {
          slice(next)
          if (serviceKeyOf(next) !== serviceKeyOf(previous)) slice(previous)
        },
        delete: slice,
      }),
    )
    const respond = newResponder({
      index: this.#index,
      zone: { domain: config.clusterDomain, ttl: ttlSeconds },
      forwarder: await this.#forwarder(),
      random,
      log,
    })
    const address = config.listenAddress ?? config.nodeAddress
    const server = new DnsServer({ address, port: config.port, respond, log })
    try {
      await server.start()
    } catch (error) {
      throw new Error(
        `cannot serve DNS at ${address}:${config.port}: ${errorMessage(error)}; end what listens there, then start again`,
      )
    }
    this.#server = server
    this.#publisher.start()
    log.info("cluster DNS serves", { address, port: server.port })
  }

  async stop(signal: AbortSignal): Promise<void> {
    // First out of the Service, so that pods ask other nodes while this one is away.
    await this.#publisher.stop(signal)
    for (const remove of this.#handlers) remove()
    await this.#server?.stop()
  }

  #update(key: string | undefined): void {
    if (!key) return
    const service = this.#services.get(key)
    const [namespace = "", name = ""] = key.split("/")
    if (service) this.#index.set(recordsOf(service, this.#slices.byIndex(serviceIndex, key)))
    else this.#index.delete(namespace, name)
  }

  async #forwarder(): Promise<Forwarder> {
    const { config, clock } = this.#deps
    const upstreams = config.upstreams ?? nameserversOf(await readFile("/etc/resolv.conf", "utf8").catch(() => ""))
    return newForwarder({ upstreams, clock })
  }
}
