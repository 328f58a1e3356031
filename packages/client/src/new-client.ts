import type { KubeList, KubeObject, ResourceRef } from "@ladya/apimachinery"
import type { Client, InNamespace, ResourceClient } from "./client.ts"
import type {
  CallTarget,
  DeleteParameters,
  ListParameters,
  PatchType,
  Transport,
  WatchCall,
  WatchEvent,
  WriteParameters,
} from "./transport.ts"

/** A client whose calls go through this transport. */
export function newClient(transport: Transport): Client {
  return {
    resource: (ref) => new TransportResourceClient(transport, ref),
    async resourcesOf(group, version, signal) {
      if (!transport.resources) throw new Error("this transport cannot ask for discovery")
      return transport.resources(group, version, signal)
    },
  }
}

class TransportResourceClient<T extends KubeObject> implements ResourceClient<T> {
  readonly ref: ResourceRef<T>
  readonly #transport: Transport
  readonly #target: CallTarget

  constructor(transport: Transport, ref: ResourceRef<T>) {
    this.#transport = transport
    this.ref = ref
    this.#target = {
      group: ref.group,
      version: ref.version,
      resource: ref.resource,
      kind: ref.kind,
      namespaced: ref.namespaced,
    }
  }

  async get(name: string, options: InNamespace & { signal?: AbortSignal } = {}): Promise<T> {
    const namespace = this.#namespace(options.namespace, name)
    const answer = await this.#transport.call({ verb: "get", target: this.#target, namespace, name }, options.signal)
    return answer as T
  }

  async getSubresource<R extends KubeObject>(
    name: string,
    subresource: string,
    options: InNamespace & { signal?: AbortSignal; query?: Readonly<Record<string, string>> } = {},
  ): Promise<R> {
    const namespace = this.#namespace(options.namespace, name)
    const query = options.query ? { query: options.query } : {}
    const call = { verb: "get", target: this.#target, namespace, name, subresource, ...query } as const
    return (await this.#transport.call(call, options.signal)) as R
  }

  async list(options: InNamespace & ListParameters & { signal?: AbortSignal } = {}): Promise<KubeList<T>> {
    const { namespace = "", signal, ...parameters } = options
    const call = { verb: "list", target: this.#target, namespace: this.#scope(namespace), parameters } as const
    return (await this.#transport.call(call, signal)) as unknown as KubeList<T>
  }

  watch(options: InNamespace & WatchCall["parameters"] & { signal: AbortSignal }): AsyncIterable<WatchEvent<T>> {
    const { namespace = "", signal, ...parameters } = options
    const call = { target: this.#target, namespace: this.#scope(namespace), parameters }
    return this.#transport.watch(call, signal) as AsyncIterable<WatchEvent<T>>
  }

  async create(object: T, options: WriteParameters = {}): Promise<T> {
    const namespace = this.#scope(object.metadata.namespace ?? "")
    const answer = await this.#transport.call({
      verb: "create",
      target: this.#target,
      namespace,
      object,
      parameters: options,
    })
    return answer as T
  }

  async createSubresource<R extends KubeObject>(
    name: string,
    subresource: string,
    object: R,
    options: InNamespace & WriteParameters = {},
  ): Promise<R> {
    const { namespace, ...parameters } = options
    const answer = await this.#transport.call({
      verb: "create",
      target: this.#target,
      namespace: this.#namespace(namespace ?? object.metadata?.namespace, name),
      name,
      subresource,
      object,
      parameters,
    })
    return answer as R
  }

  async update(object: T, options: WriteParameters & { subresource?: string } = {}): Promise<T> {
    const { subresource, ...parameters } = options
    const name = object.metadata.name ?? ""
    const answer = await this.#transport.call({
      verb: "update",
      target: this.#target,
      namespace: this.#namespace(object.metadata.namespace, name),
      name,
      ...(subresource ? { subresource } : {}),
      object,
      parameters,
    })
    return answer as T
  }

  updateStatus(object: T, options: WriteParameters = {}): Promise<T> {
    return this.update(object, { ...options, subresource: "status" })
  }

  async patch(
    name: string,
    type: PatchType,
    patch: unknown,
    options: InNamespace & WriteParameters & { subresource?: string } = {},
  ): Promise<T> {
    const { namespace, subresource, ...parameters } = options
    const answer = await this.#transport.call({
      verb: "patch",
      target: this.#target,
      namespace: this.#namespace(namespace, name),
      name,
      ...(subresource ? { subresource } : {}),
      patchType: type,
      patch,
      parameters,
    })
    return answer as T
  }

  async delete(name: string, options: InNamespace & DeleteParameters = {}): Promise<void> {
    const { namespace, ...parameters } = options
    await this.#transport.call({
      verb: "delete",
      target: this.#target,
      namespace: this.#namespace(namespace, name),
      name,
      parameters,
    })
  }

  async deleteCollection(options: InNamespace & ListParameters & { delete?: DeleteParameters } = {}): Promise<void> {
    const { namespace = "", delete: parameters = {}, ...selection } = options
    await this.#transport.call({
      verb: "deletecollection",
      target: this.#target,
      namespace: this.#scope(namespace),
      parameters,
      selection,
    })
  }

  #scope(namespace: string): string {
    return this.#target.namespaced ? namespace : ""
  }

  /** One object of a namespaced resource has a namespace: leaving it out is a mistake in the program. */
  #namespace(namespace: string | undefined, name: string): string {
    if (!this.#target.namespaced) return ""
    if (!namespace) throw new Error(`${this.#target.resource} ${JSON.stringify(name)}: a namespace is required`)
    return namespace
  }
}
