import { apiVersionOf, deepCopy, type KubeObject, parsePatch, statusError } from "@ladya/apimachinery"
import type { ApiCall, Transport, WatchCall, WatchEvent } from "@ladya/client"
import type { Store } from "@ladya/store"
import type { Clock, Timer } from "@ladya/util"
import type { UserInfo } from "../authentication/authenticator.ts"
import type { Authorizer } from "../authorization/authorizer.ts"
import { authorize } from "../filters/authorize.ts"
import { listKind } from "../handlers/encoding/kinds.ts"
import type { Engine, Operation, Result } from "../handlers/operation.ts"
import { getObject } from "../handlers/read/get.ts"
import { listObjects } from "../handlers/read/list.ts"
import { update } from "../handlers/rest.ts"
import {
  canCreate,
  createSpecial,
  methodNotAllowed,
  noSuchResource,
  type SpecialResource,
  specialKey,
} from "../handlers/special.ts"
import { resultInVersion } from "../handlers/versions.ts"
import { openWatch } from "../handlers/watch/watch.ts"
import { bookmarkEveryMs } from "../handlers/watch/watch-stream.ts"
import { createObject } from "../handlers/write/create.ts"
import { deleteObject } from "../handlers/write/delete.ts"
import { deleteCollection } from "../handlers/write/delete-collection.ts"
import { patchObject } from "../handlers/write/patch.ts"
import { newPatcher } from "../handlers/write/patchers.ts"
import { freezeObject } from "../storage/freeze.ts"
import type { WatchFormat } from "../storage/watchers.ts"

export interface InProcessDeps {
  engine: Engine
  store: Store
  /** Asked for every call. */
  authorizer: Authorizer
  special: ReadonlyMap<string, SpecialResource>
  stopping: AbortSignal
}

type Call = ApiCall | WatchCall

/** The API without HTTP: the same handlers, called with objects. What comes out is frozen and shared. */
export class InProcessTransport implements Transport {
  readonly #deps: InProcessDeps
  readonly #user: UserInfo

  constructor(deps: InProcessDeps, user: UserInfo) {
    this.#deps = deps
    this.#user = user
  }

  async call(call: ApiCall, signal?: AbortSignal): Promise<KubeObject> {
    const operation = await this.#operation(call, call.verb, signal)
    const { special } = this.#deps
    const own = special.get(specialKey(operation.resource, operation.subresource))
    const result = own ? await this.#callSpecial(own, operation, call) : await this.#callGeneric(operation, call)
    return objectOf(operation, await resultInVersion(operation, result))
  }

  async *watch(call: WatchCall, signal: AbortSignal): AsyncGenerator<WatchEvent> {
    const operation = await this.#operation(call, "watch", signal)
    const queue: WatchEvent[] = []
    let wake: (() => void) | undefined
    let isEnded = false
    const end = (): void => {
      isEnded = true
      wake?.()
    }
    const { stopping } = this.#deps
    const watch = await openWatch(this.#deps.store, operation, call.parameters, objectFormat(operation), {
      deliver(items) {
        for (const item of items) queue.push(item)
        wake?.()
      },
      end,
    })
    queue.unshift(...watch.initial)
    const bookmarks = call.parameters.allowWatchBookmarks
      ? every(this.#deps.engine.clock, bookmarkEveryMs, () => {
          // What is pending belongs before the bookmark.
          operation.resource.storage?.watchers.flush()
          queue.push({ type: "BOOKMARK", object: bookmarkObject(operation, watch.revision()) })
          wake?.()
        })
      : undefined
    signal.addEventListener("abort", end, { once: true })
    stopping.addEventListener("abort", end, { once: true })
    try {
      if (signal.aborted || stopping.aborted) return
      for (;;) {
        while (queue.length > 0) {
          const batch = queue.splice(0)
          for (const event of batch) {
            if (signal.aborted) return
            yield event
          }
        }
        if (isEnded) return
        await new Promise<void>((resolve) => {
          wake = resolve
        })
        wake = undefined
      }
    } finally {
      watch.leave()
      bookmarks?.cancel()
      signal.removeEventListener("abort", end)
      stopping.removeEventListener("abort", end)
    }
  }

  async #operation(call: Call, verb: string, signal: AbortSignal | undefined): Promise<Operation> {
    signal?.throwIfAborted()
    const { target, namespace } = call
    const resource = this.#deps.engine.resources.lookup(target.group, target.version, target.resource)
    if (!resource) throw noSuchResource()
    const name = "name" in call ? (call.name ?? "") : ""
    const subresource = "subresource" in call ? (call.subresource ?? "") : ""
    const operation: Operation = {
      user: this.#user,
      resource,
      subresource,
      namespace: resource.kind.namespaced ? namespace : "",
      name,
      dryRun: false,
      fieldManager: "",
      fieldValidation: "Ignore",
      warnings: [],
      signal: signal ?? neverAborted,
    }
    if ("parameters" in call) {
      const parameters = call.parameters as { dryRun?: boolean; fieldManager?: string }
      operation.dryRun = parameters.dryRun ?? false
      operation.fieldManager = parameters.fieldManager ?? managerOf(this.#user)
    }
    if (verb === "create" && resource.kind.namespaced && !operation.namespace) {
      operation.namespace = ("object" in call ? call.object.metadata.namespace : "") ?? ""
    }
    await authorize(this.#deps.authorizer, {
      user: this.#user,
      info: {
        isResource: true,
        path: "",
        verb,
        group: target.group,
        version: target.version,
        resource: target.resource,
        subresource,
        namespace: operation.namespace,
        name,
      },
    })
    return operation
  }

  async #callGeneric(operation: Operation, call: ApiCall): Promise<Result> {
    const { engine, store } = this.#deps
    if (!operation.resource.storage) throw methodNotAllowed()
    switch (call.verb) {
      case "get":
        return getObject(operation)
      case "list":
        return listObjects(store, operation, call.parameters)
      case "create":
        return createObject(engine, operation, inputOf(operation, call.object))
      case "update":
        return update(engine, operation, inputOf(operation, call.object))
      case "patch":
        return patchObject(engine, operation, newPatcher(operation, call.patchType, checkedPatch(call)))
      case "delete":
        return deleteObject(engine, operation, call.parameters)
      case "deletecollection":
        return deleteCollection(engine, store, operation, call.selection, call.parameters)
    }
  }

  async #callSpecial(special: SpecialResource, operation: Operation, call: ApiCall): Promise<Result> {
    const { engine } = this.#deps
    if (call.verb === "get" && special.get) return special.get(engine, operation)
    if (call.verb === "list" && special.list) return special.list(engine, operation, call.parameters)
    if (call.verb === "create" && canCreate(special)) {
      return createSpecial(engine, operation, special, deepCopy(call.object))
    }
    if (call.verb === "update" && special.update) {
      return special.update(engine, operation, () => deepCopy(call.object))
    }
    if (call.verb === "patch" && special.update) {
      const patcher = newPatcher(operation, call.patchType, checkedPatch(call), special.input)
      return special.update(engine, operation, patcher)
    }
    throw methodNotAllowed()
  }
}

/** A repeating timer that keeps no process alive. */
function every(clock: Clock, ms: number, task: () => void): Timer {
  let timer: Timer
  const schedule = (): void => {
    timer = clock.setTimeout(
      () => {
        task()
        schedule()
      },
      ms,
      { unref: true },
    )
  }
  schedule()
  return { cancel: () => timer.cancel() }
}

function bookmarkObject(operation: Operation, revision: number): KubeObject {
  const { kind } = operation.resource
  const metadata = { resourceVersion: String(revision) }
  return freezeObject({ kind: kind.kind, apiVersion: apiVersionOf(kind), metadata })
}

/** Components own fields under their programs' names, as upstream's do. */
function managerOf(user: UserInfo): string {
  if (user.name.startsWith("system:serviceaccount:kube-system:")) return "kube-controller-manager"
  return user.name.startsWith("system:kube-") ? user.name.slice("system:".length) : user.name
}

const neverAborted = new AbortController().signal

/** A private copy with kind and apiVersion filled in. */
function inputOf(operation: Operation, object: KubeObject): KubeObject {
  const { kind } = operation.resource
  const { managedFields, ...metadata } = object.metadata ?? {}
  const copy: KubeObject = deepCopy({ ...object, metadata })
  // Who owns what comes mostly from here and goes back as it was: frozen, it needs no copy.
  if (managedFields)
    copy.metadata.managedFields = Object.isFrozen(managedFields) ? managedFields : deepCopy(managedFields)
  const apiVersion = kind.group ? `${kind.group}/${kind.version}` : kind.version
  if (copy.kind && copy.kind !== kind.kind) {
    throw statusError.badRequest(`the object provided is a ${copy.kind}, not a ${kind.kind}`)
  }
  copy.kind = kind.kind
  copy.apiVersion = apiVersion
  return copy
}

function checkedPatch(call: Extract<ApiCall, { verb: "patch" }>): unknown {
  return parsePatch(JSON.stringify(call.patch), call.patchType)
}

function objectOf(operation: Operation, result: Result): KubeObject {
  const { kind } = operation.resource
  switch (result.type) {
    case "entry":
      return kind.fromStorage(result.entry.object)
    case "object":
      return freezeObject(result.object)
    case "encoded list":
      throw new Error("bytes were not asked for")
    case "list": {
      const list = {
        kind: listKind(kind),
        apiVersion: kind.group ? `${kind.group}/${kind.version}` : kind.version,
        metadata: result.metadata,
        items: result.entries.map((entry) => kind.fromStorage(entry.object)),
      }
      return Object.freeze(list) as unknown as KubeObject
    }
  }
}

function objectFormat(operation: Operation): WatchFormat<WatchEvent> {
  const { kind } = operation.resource
  return {
    id: `object ${kind.group}/${kind.version}`,
    event: (type, entry) => ({ type, object: kind.fromStorage(entry.object) }),
  }
}
