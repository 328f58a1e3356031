import { type apiextensionsv1, type KindDefinition, refs } from "@ladya/api"
import { deepCopy, isConditionTrue, isStatus, semanticEqual } from "@ladya/apimachinery"
import { type Client, newClient, type Transport } from "@ladya/client"
import type { Clock, Logger, Timer } from "@ladya/util"
import type { SpecialResource } from "../handlers/special.ts"
import { scaleResource } from "../handlers/subresources/scale.ts"
import type { ResourceTable } from "../resources.ts"
import type { WebhookCaller } from "../webhooks/caller.ts"
import { planStatus } from "./conditions.ts"
import { publishedTypes } from "./documents.ts"
import { customKinds } from "./kinds.ts"

type Definition = apiextensionsv1.CustomResourceDefinition

const cleanupFinalizer = "customresourcecleanup.apiextensions.k8s.io"
/** What failed, or waits for instances to go, is looked at again after this. */
const retryMs = 250

export interface CustomResourcesDeps {
  clock: Clock
  log: Logger
  resources: ResourceTable
  loopback: Transport
  /** Scale subresources are entered here. */
  special: Map<string, SpecialResource>
  /** For conversion webhooks. */
  webhooks: WebhookCaller
}

/** Serves what CustomResourceDefinitions define, keeps their status, and cleans up behind those that go. */
export class CustomResources {
  readonly #deps: CustomResourcesDeps
  readonly #client: Client
  /** What is served, by the definition's name. */
  readonly #served = new Map<string, { definition: Definition; kinds: readonly KindDefinition[] }>()
  /** Definitions that are being deleted. */
  readonly #terminating = new Set<string>()
  readonly #queue = new Set<string>()
  readonly #timers = new Set<Timer>()
  #isWorking = false
  #isStopped = false
  #unsubscribe: (() => void) | undefined

  constructor(deps: CustomResourcesDeps) {
    this.#deps = deps
    this.#client = newClient(deps.loopback)
  }

  /** Resolves when everything that is established is served. */
  async start(): Promise<void> {
    const storage = this.#storage()
    await storage.fresh()
    this.#unsubscribe = storage.cache.subscribe(
      (events) => {
        for (const { entry } of events) this.#changed(entry.key)
      },
      () => this.#reload(),
    )
    for (const definition of this.#all()) this.#changed(definition.metadata.name ?? "")
  }

  stop(): void {
    this.#isStopped = true
    this.#unsubscribe?.()
    for (const timer of this.#timers) timer.cancel()
  }

  #storage() {
    return this.#deps.resources.storage("apiextensions.k8s.io", "customresourcedefinitions")
  }

  #all(): Definition[] {
    return [...this.#storage().cache.scan({ namespace: "", name: undefined })].map(
      (entry) => entry.object as Definition,
    )
  }

  #reload(): void {
    void this.#storage()
      .fresh()
      .then(() => {
        for (const name of [...this.#served.keys(), ...this.#all().map(({ metadata }) => metadata.name ?? "")]) {
          this.#changed(name)
        }
      })
      .catch((error: unknown) => this.#deps.log.error("definitions cannot be read", { error: String(error) }))
  }

  /** What is served follows at once, the status behind it. */
  #changed(name: string): void {
    if (this.#isStopped) return
    const definition = this.#storage().cache.get(name)?.object as Definition | undefined
    if (definition?.metadata.deletionTimestamp) this.#terminating.add(name)
    else this.#terminating.delete(name)
    if (definition && isConditionTrue(definition.status?.conditions, "Established")) this.#serve(definition)
    else this.#withdraw(name)
    this.#queue.add(name)
    void this.#work()
  }

  #serve(definition: Definition): void {
    const name = definition.metadata.name ?? ""
    const known = this.#served.get(name)
    const isSame =
      known !== undefined &&
      known.definition.metadata.uid === definition.metadata.uid &&
      semanticEqual(known.definition.spec, definition.spec)
    if (isSame) return
    const made = customKinds(definition, {
      webhooks: this.#deps.webhooks,
      isTerminating: () => this.#terminating.has(name),
    })
    this.#withdraw(name)
    if (!made) return
    this.#deps.resources.addCustom(name, made.served, made.stored, publishedTypes(definition))
    this.#served.set(name, { definition, kinds: made.served })
    const scales = `${made.stored.group}/${made.stored.resource}/scale`
    this.#deps.special.set(scales, scaleResource)
  }

  #withdraw(name: string): void {
    const known = this.#served.get(name)
    if (!known) return
    this.#served.delete(name)
    const { group = "", names } = known.definition.spec ?? {}
    this.#deps.special.delete(`${group}/${names?.plural ?? ""}/scale`)
    this.#deps.resources.removeCustom(name)
  }

  async #work(): Promise<void> {
    if (this.#isWorking) return
    this.#isWorking = true
    for (const name of this.#queue) {
      this.#queue.delete(name)
      if (this.#isStopped) break
      await this.#reconcile(name).catch((error: unknown) => {
        if (!isStatus(error, "Conflict") && !isStatus(error, "NotFound")) {
          this.#deps.log.warn("definition not settled", { name, error: String(error) })
        }
        this.#later(name)
      })
    }
    this.#isWorking = false
  }

  #later(name: string): void {
    if (this.#isStopped) return
    const timer = this.#deps.clock.setTimeout(
      () => {
        this.#timers.delete(timer)
        this.#changed(name)
      },
      retryMs,
      { unref: true },
    )
    this.#timers.add(timer)
  }

  async #reconcile(name: string): Promise<void> {
    const storage = this.#storage()
    const definition = (await storage.get(name))?.object as Definition | undefined
    if (!definition) {
      // A name that is free again may be wanted by another one.
      for (const other of this.#all()) {
        if (!isConditionTrue(other.status?.conditions, "NamesAccepted")) this.#queue.add(other.metadata.name ?? "")
      }
      return
    }
    const status = planStatus(definition, this.#all(), this.#deps.clock.now())
    if (!semanticEqual(status, definition.status)) {
      await this.#client.resource(refs.customresourcedefinitions).updateStatus({ ...deepCopy(definition), status })
      return
    }
    if (definition.metadata.deletionTimestamp) await this.#cleanUp(definition)
  }

  async #cleanUp(definition: Definition): Promise<void> {
    const name = definition.metadata.name ?? ""
    const finalizers = definition.metadata.finalizers ?? []
    if (!finalizers.includes(cleanupFinalizer)) return
    const served = this.#served.get(name)
    // In the stored version, where nothing has to be converted.
    const kind = served?.kinds.find(({ version, storage }) => version === storage.version) ?? served?.kinds[0]
    const left = kind ? await this.#deleteInstances(kind) : served ? await this.#deleteUnserved(definition) : 0
    if (left > 0) {
      this.#later(name)
      return
    }
    const draft = deepCopy(definition)
    draft.metadata.finalizers = finalizers.filter((finalizer) => finalizer !== cleanupFinalizer)
    await this.#client.resource(refs.customresourcedefinitions).update(draft)
  }

  /** What no version serves is taken out of the store. How many are still there. */
  async #deleteUnserved({ spec }: Definition): Promise<number> {
    const storage = this.#deps.resources.storage(spec.group, spec.names.plural)
    await storage.fresh()
    for (const entry of [...storage.cache.scan({ namespace: "", name: undefined })]) {
      if ((entry.object.metadata.finalizers ?? []).length === 0) await storage.delete(entry.key, entry.revision)
    }
    await storage.fresh()
    return storage.cache.size
  }

  /** How many are still there. */
  async #deleteInstances(kind: KindDefinition): Promise<number> {
    const { group, version, resource, namespaced } = kind
    const instances = this.#client.resource({ group, version, resource, kind: kind.kind, namespaced })
    const { items } = await instances.list()
    for (const { metadata } of items) {
      if (metadata.deletionTimestamp) continue
      const place = metadata.namespace ? { namespace: metadata.namespace } : {}
      await instances.delete(metadata.name ?? "", place).catch((error: unknown) => {
        if (!isStatus(error, "NotFound")) throw error
      })
    }
    return (await instances.list()).items.length
  }
}
