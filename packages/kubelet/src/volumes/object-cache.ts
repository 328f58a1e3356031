import { type corev1, refs } from "@ladya/api"
import { isStatus, type ResourceRef, statusError } from "@ladya/apimachinery"
import type { Client, ResourceClient } from "@ladya/client"
import { Backoff, type Clock, type Logger, newDeferred, sleep } from "@ladya/util"
import type { ObjectReference } from "./plugin.ts"

export type ReferencedObject = corev1.ConfigMap | corev1.Secret

/**
 * The ConfigMaps and Secrets that pods of this node refer to, and no others: one watch per object while anyone holds
 * it. Immutable objects are read once and not watched.
 */
export interface ObjectCache {
  /** From now on `owner` holds exactly these objects. */
  hold(owner: string, references: readonly ObjectReference[]): void
  release(owner: string): void
  /** The object as last seen, or undefined when there is none. Waits for the first answer; throws when that failed. */
  get(reference: ObjectReference, signal?: AbortSignal): Promise<ReferencedObject | undefined>
  stop(): void
}

export interface ObjectCacheDeps {
  client: Client
  clock: Clock
  log: Logger
  /** An object that these owners hold appeared, changed or went. */
  changed(owners: readonly string[], reference: ObjectReference): void
}

interface State {
  /** `failed`: the last try failed, another is coming. */
  kind: "waiting" | "known" | "failed"
  object?: ReferencedObject | undefined
  error?: unknown
}

interface Entry {
  reference: ObjectReference
  owners: Set<string>
  state: State
  /** Settles when the state leaves `waiting`. */
  settled: ReturnType<typeof newDeferred<void>>
  abort: AbortController
}

const keyOf = (reference: ObjectReference): string => `${reference.resource}/${reference.namespace}/${reference.name}`

export function newObjectCache(deps: ObjectCacheDeps): ObjectCache {
  const entries = new Map<string, Entry>()
  const held = new Map<string, Set<string>>()

  const resource = (reference: ObjectReference): ResourceClient<ReferencedObject> =>
    deps.client.resource(refs[reference.resource] as ResourceRef<ReferencedObject>)

  const settle = (entry: Entry, state: State): void => {
    entry.state = state
    entry.settled.resolve()
  }

  const see = (entry: Entry, object: ReferencedObject | undefined): void => {
    const { kind, object: previous } = entry.state
    settle(entry, { kind: "known", object })
    const same = previous?.metadata.resourceVersion === object?.metadata.resourceVersion
    if (kind !== "known" ? kind === "waiting" : same) return
    deps.changed([...entry.owners], entry.reference)
  }

  /** Lists, then watches until the stream ends; returns true when there is nothing more to watch. */
  const follow = async (entry: Entry): Promise<boolean> => {
    const { namespace, name } = entry.reference
    const fieldSelector = `metadata.name=${name}`
    const { signal } = entry.abort
    const list = await resource(entry.reference).list({ namespace, fieldSelector, signal })
    const [first] = list.items
    // Items of a list come without apiVersion and kind.
    const { kind } = refs[entry.reference.resource]
    see(entry, first && ({ ...first, apiVersion: "v1", kind } as ReferencedObject))
    if (first?.immutable) return true
    const version = list.metadata.resourceVersion
    const events = resource(entry.reference).watch({
      namespace,
      fieldSelector,
      signal,
      ...(version ? { resourceVersion: version } : {}),
    })
    for await (const event of events) {
      if (event.type === "BOOKMARK") continue
      see(entry, event.type === "DELETED" ? undefined : event.object)
      if (event.type !== "DELETED" && event.object.immutable) return true
    }
    return false
  }

  const run = async (entry: Entry): Promise<void> => {
    const { signal } = entry.abort
    const backoff = new Backoff(deps.clock, { initialMs: 200, maxMs: 30_000 })
    while (!signal.aborted) {
      let delayMs = 0
      const startedAt = deps.clock.monotonic()
      try {
        if (await follow(entry)) return
        // A server that closes each watch at once must not make this loop spin.
        if (deps.clock.monotonic() - startedAt < 1000) delayMs = backoff.next("")
        else backoff.reset("")
      } catch (error) {
        if (signal.aborted) return
        delayMs = isStatus(error, "Expired", "Gone") ? 0 : backoff.next("")
        deps.log.debug("watch of a referenced object failed", { ...entry.reference, error })
        if (entry.state.kind !== "known") settle(entry, { kind: "failed", error })
      }
      await sleep(deps.clock, delayMs, signal).catch(() => undefined)
    }
  }

  const open = (reference: ObjectReference): Entry => {
    const key = keyOf(reference)
    let entry = entries.get(key)
    if (!entry) {
      entry = {
        reference,
        owners: new Set(),
        state: { kind: "waiting" },
        settled: newDeferred<void>(),
        abort: new AbortController(),
      }
      entries.set(key, entry)
      void run(entry)
    }
    return entry
  }

  const drop = (owner: string, key: string): void => {
    const entry = entries.get(key)
    if (!entry) return
    entry.owners.delete(owner)
    if (entry.owners.size > 0) return
    entries.delete(key)
    entry.abort.abort()
    entry.settled.resolve()
  }

  return {
    hold(owner, references) {
      const wanted = new Map(references.map((reference) => [keyOf(reference), reference]))
      const before = held.get(owner) ?? new Set<string>()
      for (const reference of wanted.values()) open(reference).owners.add(owner)
      for (const key of before) if (!wanted.has(key)) drop(owner, key)
      if (wanted.size > 0) held.set(owner, new Set(wanted.keys()))
      else held.delete(owner)
    },
    release(owner) {
      this.hold(owner, [])
    },
    async get(reference, signal) {
      const entry = entries.get(keyOf(reference))
      if (!entry) {
        return resource(reference)
          .get(reference.name, { namespace: reference.namespace, ...(signal ? { signal } : {}) })
          .catch((error: unknown) => {
            if (isStatus(error, "NotFound")) return undefined
            throw error
          })
      }
      await abortable(entry.settled.promise, signal)
      if (entry.state.kind === "known") return entry.state.object
      throw entry.state.error ?? statusError.internal(`${keyOf(reference)} is no longer held`)
    },
    stop() {
      for (const entry of entries.values()) entry.abort.abort()
      entries.clear()
      held.clear()
    },
  }
}

function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason)
    if (signal.aborted) onAbort()
    signal.addEventListener("abort", onAbort, { once: true })
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort))
  })
}
