import { kindByResource, schemaSource } from "@ladya/api"
import {
  applyJsonPatch,
  applyMergePatch,
  applyStrategicPatch,
  deepFreeze,
  formatTime,
  type KubeList,
  type KubeObject,
  newStatusError,
  parseLabelSelector,
  type StatusError,
  statusError,
} from "@ladya/apimachinery"
import { type Clock, newDeferred } from "@ladya/util"
import type {
  ApiCall,
  CallTarget,
  DeleteParameters,
  ListParameters,
  Transport,
  WatchCall,
  WatchEvent,
} from "../transport.ts"

interface Recorded {
  revision: number
  resource: string
  event: WatchEvent
}

/**
 * A small API in memory, for unit tests of what stands on the client: objects, versions, watches, label and field
 * selectors, patches, finalizers, graceful deletion of bound pods. Nothing is defaulted or validated.
 */
export class MemoryTransport implements Transport {
  /** Every call that was made, watches left out. */
  readonly calls: ApiCall[] = []
  /** When set, called before each call is answered: throw to make it fail. */
  intercept: ((call: ApiCall) => void) | undefined
  readonly #clock: Clock
  readonly #objects = new Map<string, Map<string, KubeObject>>()
  #history: Recorded[] = []
  #revision = 1
  #compacted = 0
  #changed = newDeferred<void>()
  #broken = new AbortController()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Breaks every watch that runs. */
  disconnect(): void {
    this.#broken.abort()
    this.#broken = new AbortController()
    this.#wake()
  }

  /** Forgets the history: watches from before the present get 410. */
  compact(): void {
    this.#compacted = this.#revision
    this.#history = []
  }

  /** Calls that write, in order, as `verb resource name`. */
  get writes(): string[] {
    return this.calls
      .filter((call) => call.verb !== "get" && call.verb !== "list")
      .map((call) => {
        const name = "name" in call && call.name ? call.name : "object" in call ? call.object.metadata.name : ""
        const subresource = "subresource" in call && call.subresource ? `/${call.subresource}` : ""
        return `${call.verb} ${call.target.resource}${subresource} ${name ?? ""}`
      })
  }

  async call(call: ApiCall, signal?: AbortSignal): Promise<KubeObject> {
    signal?.throwIfAborted()
    // Answers come later, as those of a server do.
    await new Promise<void>((resolve) => setImmediate(resolve))
    this.calls.push(call)
    this.intercept?.(call)
    switch (call.verb) {
      case "get":
        return this.#find(call.target, call.namespace, call.name)
      case "list":
        return this.#list(call.target, call.namespace, call.parameters) as unknown as KubeObject
      case "create":
        return this.#create(call)
      case "update":
        return this.#update(call.target, call.name, call.object, call.subresource)
      case "patch": {
        const current = this.#find(call.target, call.namespace, call.name)
        return this.#update(call.target, call.name, patched(current, call), call.subresource)
      }
      case "delete":
        return this.#delete(call.target, call.namespace, call.name, call.parameters)
      case "deletecollection": {
        const list = this.#list(call.target, call.namespace, call.selection)
        for (const item of list.items) {
          this.#delete(call.target, item.metadata.namespace ?? "", item.metadata.name ?? "")
        }
        return list as unknown as KubeObject
      }
    }
  }

  async *watch(call: WatchCall, signal: AbortSignal): AsyncIterable<WatchEvent> {
    const { resourceVersion = "", ...selection } = call.parameters
    let revision = resourceVersion === "" || resourceVersion === "0" ? this.#revision : Number(resourceVersion)
    if (revision < this.#compacted) throw expired(resourceVersion, this.#compacted)
    const broken = this.#broken.signal
    const wake = (): void => this.#wake()
    signal.addEventListener("abort", wake, { once: true })
    try {
      while (!signal.aborted) {
        if (broken.aborted) throw new Error("the connection was closed")
        const next = this.#history.filter((one) => one.revision > revision)
        for (const recorded of next) {
          revision = recorded.revision
          if (recorded.resource !== resourceId(call.target)) continue
          if (!matches(recorded.event.object, call.namespace, selection)) continue
          yield recorded.event
        }
        if (next.length === 0) await this.#changed.promise
      }
    } finally {
      signal.removeEventListener("abort", wake)
    }
  }

  #wake(): void {
    const changed = this.#changed
    this.#changed = newDeferred<void>()
    changed.resolve()
  }

  #bucket(target: CallTarget): Map<string, KubeObject> {
    const id = resourceId(target)
    let bucket = this.#objects.get(id)
    if (!bucket) {
      bucket = new Map()
      this.#objects.set(id, bucket)
    }
    return bucket
  }

  #find(target: CallTarget, namespace: string, name: string): KubeObject {
    const found = this.#bucket(target).get(`${namespace}/${name}`)
    if (!found) throw statusError.notFound(target, name)
    return found
  }

  #list(target: CallTarget, namespace: string, parameters: ListParameters): KubeList {
    const items = [...this.#bucket(target).values()]
      .filter((object) => matches(object, namespace, parameters))
      .sort((a, b) => (key(a) < key(b) ? -1 : 1))
    return {
      apiVersion: target.group ? `${target.group}/${target.version}` : target.version,
      kind: `${target.kind}List`,
      metadata: { resourceVersion: String(this.#revision) },
      items,
    }
  }

  #create(call: ApiCall & { verb: "create" }): KubeObject {
    const { target, namespace } = call
    // Other subresources that are created (eviction, token) are only recorded.
    if (call.subresource === "binding") return this.#bind(call)
    if (call.subresource) return call.object
    const { metadata } = call.object
    const name = metadata.name ?? `${metadata.generateName ?? ""}${(this.#revision + 1).toString(36).padStart(5, "0")}`
    if (this.#bucket(target).has(`${namespace}/${name}`)) throw statusError.alreadyExists(target, name)
    const object: KubeObject = structuredClone(call.object)
    object.apiVersion = target.group ? `${target.group}/${target.version}` : target.version
    object.kind = target.kind
    object.metadata = {
      ...object.metadata,
      name,
      ...(namespace ? { namespace } : {}),
      uid: crypto.randomUUID(),
      creationTimestamp: formatTime(this.#clock.now()),
      generation: 1,
    }
    return this.#store(target, object, "ADDED")
  }

  #bind({ target, namespace, name = "", object }: ApiCall & { verb: "create" }): KubeObject {
    const pod = structuredClone(this.#find(target, namespace, name)) as KubeObject & { spec?: { nodeName?: string } }
    pod.spec = { ...pod.spec, nodeName: (object as KubeObject & { target?: { name?: string } }).target?.name ?? "" }
    this.#update(target, name, pod)
    return object
  }

  #update(target: CallTarget, name: string, next: KubeObject, subresource?: string): KubeObject {
    const current = this.#find(target, next.metadata.namespace ?? "", name) as KubeObject & Parts
    const expected = next.metadata.resourceVersion
    if (expected && expected !== current.metadata.resourceVersion) {
      throw statusError.conflict(
        target,
        name,
        "the object has been modified; please apply your changes to the latest version and try again",
      )
    }
    const object: KubeObject & Parts = structuredClone(
      subresource === "status" ? { ...current, status: (next as KubeObject & Parts).status } : next,
    )
    if (!subresource && "status" in current) object.status = structuredClone(current.status)
    const same = JSON.stringify(object.spec) === JSON.stringify(current.spec)
    object.metadata.generation = (current.metadata.generation ?? 0) + (same ? 0 : 1)
    if (
      JSON.stringify({ ...object, metadata: { ...object.metadata, resourceVersion: "" } }) ===
      JSON.stringify({ ...current, metadata: { ...current.metadata, resourceVersion: "" } })
    )
      return current
    if (object.metadata.deletionTimestamp && !isHeld(object) && !isBoundPod(object)) {
      return this.#remove(target, object)
    }
    return this.#store(target, object, "MODIFIED")
  }

  #delete(target: CallTarget, namespace: string, name: string, parameters: DeleteParameters = {}): KubeObject {
    const current = this.#find(target, namespace, name)
    const uid = parameters.preconditions?.uid
    if (uid && uid !== current.metadata.uid) {
      throw statusError.conflict(target, name, `the UID in the precondition (${uid}) does not match`)
    }
    const object = structuredClone(current)
    const finalizer = propagationFinalizers[parameters.propagationPolicy ?? ""]
    const finalizers = object.metadata.finalizers ?? []
    if (finalizer && !finalizers.includes(finalizer)) object.metadata.finalizers = [...finalizers, finalizer]
    const isGraceful = isBoundPod(object) && parameters.gracePeriodSeconds !== 0
    if (!isGraceful && !isHeld(object)) return this.#remove(target, object)
    if (current.metadata.deletionTimestamp) return current
    object.metadata.deletionTimestamp = formatTime(this.#clock.now())
    if (object.kind === "Namespace") (object as Parts).status = { phase: "Terminating" }
    return this.#store(target, object, "MODIFIED")
  }

  #store(target: CallTarget, object: KubeObject, type: "ADDED" | "MODIFIED"): KubeObject {
    object.metadata.resourceVersion = String(++this.#revision)
    deepFreeze(object)
    this.#bucket(target).set(key(object), object)
    this.#record(target, { type, object })
    return object
  }

  #remove(target: CallTarget, object: KubeObject): KubeObject {
    object.metadata.resourceVersion = String(++this.#revision)
    this.#bucket(target).delete(key(object))
    this.#record(target, { type: "DELETED", object: deepFreeze(object) })
    return object
  }

  #record(target: CallTarget, event: WatchEvent): void {
    this.#history.push({ revision: this.#revision, resource: resourceId(target), event })
    this.#wake()
  }
}

interface Parts {
  spec?: unknown
  status?: unknown
}

const propagationFinalizers: Readonly<Record<string, string>> = { Foreground: "foregroundDeletion", Orphan: "orphan" }

/** Finalizers hold an object; those of a namespace stand in its spec. */
function isHeld(object: KubeObject & Parts): boolean {
  const ofSpec = (object.spec as { finalizers?: string[] } | undefined)?.finalizers ?? []
  return (object.metadata.finalizers ?? []).length > 0 || (object.kind === "Namespace" && ofSpec.length > 0)
}

function isBoundPod(object: KubeObject & Parts): boolean {
  return object.kind === "Pod" && Boolean((object.spec as { nodeName?: string } | undefined)?.nodeName)
}

function resourceId(target: CallTarget): string {
  return `${target.group}/${target.resource}`
}

function key(object: KubeObject): string {
  return `${object.metadata.namespace ?? ""}/${object.metadata.name}`
}

function expired(asked: string, compacted: number): StatusError {
  return newStatusError("Expired", `too old resource version: ${asked} (${compacted})`)
}

function matches(object: KubeObject, namespace: string, selection: ListParameters): boolean {
  if (namespace && object.metadata.namespace !== namespace) return false
  if (!parseLabelSelector(selection.labelSelector ?? "").matches(object.metadata.labels)) return false
  return (selection.fieldSelector ?? "")
    .split(",")
    .filter(Boolean)
    .every((part) => {
      const [path = "", value = ""] = part.split("=")
      const at = path
        .split(".")
        .reduce<unknown>((from, field) => (from as Record<string, unknown> | undefined)?.[field], object)
      return (at ?? "") === value
    })
}

function patched(current: KubeObject, call: ApiCall & { verb: "patch" }): KubeObject {
  if (call.patchType === "json") return applyJsonPatch(current, call.patch)
  if (call.patchType === "merge") return applyMergePatch(current, call.patch)
  const type = kindByResource(call.target)?.type
  if (!type) throw newStatusError("UnsupportedMediaType", "no strategic merge patch for this resource")
  return applyStrategicPatch(current, call.patch, type, schemaSource)
}
