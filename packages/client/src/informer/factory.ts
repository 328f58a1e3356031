import type { KubeObject, ResourceRef } from "@ladya/apimachinery"
import type { Clock, Component, Logger, Random } from "@ladya/util"
import type { Client } from "../client.ts"
import type { Indexer } from "./cache.ts"
import { type Informer, newInformer } from "./informer.ts"
import type { Selection } from "./reflector.ts"

/** Informers that are shared: one for each resource and selection, whoever asks for it. */
export interface InformerFactory extends Component {
  /** Indexers are added to the shared informer. An informer asked for after `start` is started at once. */
  informer<T extends KubeObject>(
    ref: ResourceRef<T>,
    options?: Selection & { indexers?: Readonly<Record<string, Indexer<T>>> },
  ): Informer<T>
  /** Ends the informers of a resource that is served no longer. Whoever asks for it later gets a new one. */
  drop(ref: ResourceRef): void
  /** Resolves when every informer asked for so far has synced. */
  synced(): Promise<void>
}

export interface InformerFactoryOptions {
  client: Client
  clock: Clock
  log: Logger
  random?: Random
}

/** A factory of shared informers. Starting it starts them all and waits for their first lists. */
export function newInformerFactory(options: InformerFactoryOptions): InformerFactory {
  return new SharedInformerFactory(options)
}

class SharedInformerFactory implements InformerFactory {
  readonly name = "informers"
  readonly #options: InformerFactoryOptions
  readonly #informers = new Map<string, Informer<KubeObject>>()
  #started = false

  constructor(options: InformerFactoryOptions) {
    this.#options = options
  }

  informer<T extends KubeObject>(
    ref: ResourceRef<T>,
    options: Selection & { indexers?: Readonly<Record<string, Indexer<T>>> } = {},
  ): Informer<T> {
    const { indexers = {}, ...selection } = options
    const { namespace = "", labelSelector = "", fieldSelector = "" } = selection
    const id = [ref.group, ref.version, ref.resource, namespace, labelSelector, fieldSelector].join("|")
    let informer = this.#informers.get(id) as Informer<T> | undefined
    if (!informer) {
      informer = newInformer<T>({ ...this.#options, ref, ...selection })
      this.#informers.set(id, informer as unknown as Informer<KubeObject>)
    }
    for (const [name, indexer] of Object.entries(indexers)) informer.addIndexer(name, indexer)
    if (this.#started) void informer.start()
    return informer
  }

  drop(ref: ResourceRef): void {
    const prefix = `${[ref.group, ref.version, ref.resource].join("|")}|`
    for (const [id, informer] of this.#informers) {
      if (!id.startsWith(prefix)) continue
      this.#informers.delete(id)
      void informer.stop(AbortSignal.abort())
    }
  }

  async start(): Promise<void> {
    this.#started = true
    await Promise.all([...this.#informers.values()].map((informer) => informer.start()))
  }

  async synced(): Promise<void> {
    await Promise.all([...this.#informers.values()].map((informer) => informer.synced()))
  }

  async stop(signal: AbortSignal): Promise<void> {
    await Promise.all([...this.#informers.values()].map((informer) => informer.stop(signal)))
  }
}
