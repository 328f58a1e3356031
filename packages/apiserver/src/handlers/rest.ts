import { schemaSource } from "@ladya/api"
import { type DecodeTarget, deepCopy, type KubeObject, statusError } from "@ladya/apimachinery"
import type { Store } from "@ladya/store"
import type { ApiRequest, ApiResponse, Handler, hijacked } from "../request.ts"
import type { ServedResource } from "../resources.ts"
import type { ListForm } from "../storage/slot-blocks.ts"
import { admitConnection } from "./connect.ts"
import { decodeBody } from "./encoding/body.ts"
import { isKeptVersion } from "./encoding/kinds.ts"
import { negotiate, wantsPretty } from "./encoding/media-type.ts"
import { isPlain, type PresentContext, respond } from "./encoding/respond.ts"
import { decodeTarget } from "./encoding/types.ts"
import type { Engine, Operation, Result } from "./operation.ts"
import { deleteOptions, listOptions, patchForce, watchOptions, writeParameters } from "./parameters.ts"
import { getObject } from "./read/get.ts"
import { listObjects } from "./read/list.ts"
import {
  canCreate,
  createSpecial,
  methodNotAllowed,
  noSuchResource,
  type SpecialResource,
  specialKey,
} from "./special.ts"
import { resultInVersion, workingKind } from "./versions.ts"
import { watchStream } from "./watch/watch-stream.ts"
import { applyObject, applyPatchType, configurationOf, newApplier } from "./write/apply.ts"
import { createObject } from "./write/create.ts"
import { deleteObject } from "./write/delete.ts"
import { deleteCollection } from "./write/delete-collection.ts"
import { ensureName, ensureNamespace } from "./write/metadata.ts"
import { patchObject } from "./write/patch.ts"
import { patcherOf, patchTypeOf } from "./write/patchers.ts"
import { strategyOf } from "./write/strategies.ts"
import { updateObject } from "./write/update.ts"

export interface RestDeps {
  engine: Engine
  store: Store
  stopping: AbortSignal
  /** By `group/resource` or `group/resource/subresource`. */
  special: ReadonlyMap<string, SpecialResource>
  /** Handlers that take the whole request: logs, exec, proxies. Same keys. */
  raw: ReadonlyMap<string, Handler>
}

/** What a person who uses an old resource is told, by `group/version/resource`. */
const deprecations: Readonly<Record<string, string>> = {
  "/v1/componentstatuses": "v1 ComponentStatus is deprecated in v1.19+",
  "/v1/endpoints": "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
}

/** Serves resource requests that were authenticated and authorised. */
export function newRestHandler(deps: RestDeps): Handler {
  return async (request): Promise<ApiResponse | typeof hijacked> => {
    const { info } = request
    const resource = deps.engine.resources.lookup(info.group, info.version, info.resource)
    if (!resource) throw noSuchResource()
    if (!info.verb) throw methodNotAllowed()
    const deprecation = deprecations[`${info.group}/${info.version}/${info.resource}`]
    if (deprecation) request.warnings.push(deprecation)
    checkScope(request, resource)
    const key = specialKey(resource, info.subresource)
    const raw = deps.raw.get(key)
    if (raw) {
      await admitConnection(deps.engine, operationOf(request, resource), request)
      return raw(request)
    }
    return serve(deps, request, resource, deps.special.get(key))
  }
}

function checkScope(request: ApiRequest, resource: ServedResource): void {
  const { info } = request
  const { kind } = resource
  if (info.subresource && !kind.subresources.some((entry) => entry.name === info.subresource)) throw noSuchResource()
  const isNamespaceItself = kind.group === "" && kind.resource === "namespaces"
  if (!kind.namespaced && info.namespace && !isNamespaceItself) throw noSuchResource()
  const isOfOne = info.verb === "update" || info.verb === "patch" || info.verb === "delete" || info.verb === "get"
  if (isOfOne !== (info.name !== "") && (isOfOne || (info.verb === "create" && !info.subresource))) {
    throw methodNotAllowed()
  }
  // Of what is namespaced, only lists and watches span all namespaces.
  if (!kind.namespaced || info.namespace || info.verb === "list" || info.verb === "watch") return
  if (info.verb === "create" || info.verb === "deletecollection") throw methodNotAllowed()
  throw noSuchResource()
}

async function serve(
  deps: RestDeps,
  request: ApiRequest,
  resource: ServedResource,
  special: SpecialResource | undefined,
): Promise<ApiResponse> {
  const { engine, store } = deps
  const { info, query } = request
  const { verb } = info
  const context = presentContext(deps, request, resource)
  const operation = operationOf(request, resource)
  const answer = async (result: Result): Promise<ApiResponse> =>
    respond(operation, await resultInVersion(operation, result), context)
  if (special) return answer(await serveSpecial(deps, request, operation, special))
  if (!resource.storage) throw methodNotAllowed()
  const { subresource } = info
  const isAllowed = subresource
    ? resource.kind.subresources.some((entry) => entry.name === subresource && entry.verbs.includes(verb))
    : resource.kind.verbs.includes(verb)
  if (!isAllowed) throw methodNotAllowed()
  switch (verb) {
    case "get":
      return answer(await getObject(operation, { resourceVersion: query.get("resourceVersion") ?? undefined }))
    case "list":
      return answer(await listObjects(store, operation, { ...listOptions(query), form: bytesForm(resource, context) }))
    case "watch":
      return watchStream(
        { store, clock: engine.clock, random: engine.random, stopping: deps.stopping },
        request,
        operation,
        watchOptions(query),
        context,
      )
    case "create":
      writing(request, operation)
      return answer(await createObject(engine, operation, await bodyOf(request, operation)))
    case "update": {
      writing(request, operation)
      return answer(await update(engine, operation, await bodyOf(request, operation)))
    }
    case "patch":
      if (isApplying(request, operation)) {
        return answer(await applyObject(engine, operation, await configurationOf(request, operation)))
      }
      return answer(await patchObject(engine, operation, await patcherOf(request, operation)))
    case "delete": {
      const { dryRun, ...options } = await deleteOptions(request)
      operation.dryRun = dryRun
      return answer(await deleteObject(engine, operation, options))
    }
    case "deletecollection": {
      const { dryRun, ...options } = await deleteOptions(request)
      operation.dryRun = dryRun
      return answer(await deleteCollection(engine, store, operation, listOptions(query), options))
    }
    default:
      throw methodNotAllowed()
  }
}

/** The form in which what is kept can be sent without a look at it. */
function bytesForm(resource: ServedResource, { presentation }: PresentContext): ListForm | undefined {
  if (!isPlain(presentation) || !isKeptVersion(resource.kind) || presentation.format === "yaml") return undefined
  return presentation.format
}

/** Replaces the object, or the part of it that a subresource shows. */
export function update(engine: Engine, operation: Operation, input: KubeObject): Promise<Result> {
  const strategy = operation.resource.storage && strategyOf(workingKind(operation), operation.subresource)
  if (!strategy) throw methodNotAllowed()
  ensureNamespace(input, operation.namespace)
  ensureName(input, operation.name)
  return updateObject(engine, operation, { strategy, compute: () => deepCopy(input) })
}

async function serveSpecial(
  deps: RestDeps,
  request: ApiRequest,
  operation: Operation,
  special: SpecialResource,
): Promise<Result> {
  const { engine } = deps
  const { verb } = request.info
  if (verb === "get" && special.get) return special.get(engine, operation)
  if (verb === "list" && special.list) return special.list(engine, operation, listOptions(request.query))
  if (verb === "create" && canCreate(special)) {
    writing(request, operation)
    return createSpecial(engine, operation, special, await bodyOf(request, operation, special.input))
  }
  if (verb === "update" && special.update) {
    writing(request, operation)
    const input = await bodyOf(request, operation, special.input)
    return special.update(engine, operation, () => deepCopy(input))
  }
  if (verb === "patch" && special.update) {
    if (!isApplying(request, operation)) {
      return special.update(engine, operation, await patcherOf(request, operation, special.input))
    }
    const config = await configurationOf(request, operation)
    const target = special.input ?? decodeTarget(operation)
    return special.update(engine, operation, newApplier(engine, operation, target, config))
  }
  throw methodNotAllowed()
}

function operationOf(request: ApiRequest, resource: ServedResource): Operation {
  const { info } = request
  const { kind } = resource
  return {
    user: request.user ?? { name: "system:anonymous", groups: ["system:unauthenticated"] },
    resource,
    subresource: info.subresource,
    namespace: kind.namespaced ? info.namespace : "",
    name: info.name,
    dryRun: false,
    fieldManager: "",
    fieldValidation: "Warn",
    warnings: request.warnings,
    given: (parameter) => request.query.get(parameter),
    annotate: (key, value) => {
      request.auditAnnotations ??= {}
      request.auditAnnotations[key] ??= value
    },
    // Made when somebody asks for it: most requests never do.
    get signal() {
      return request.signal
    },
  }
}

function writing(request: ApiRequest, operation: Operation): void {
  const { dryRun, fieldManager, fieldValidation } = writeParameters(request)
  operation.dryRun = dryRun
  operation.fieldManager = fieldManager
  operation.fieldValidation = fieldValidation
}

/** Reads the parameters of a patch; whether a configuration is applied. */
function isApplying(request: ApiRequest, operation: Operation): boolean {
  const isApply = patchTypeOf(request) === applyPatchType
  const force = patchForce(request.query, isApply)
  writing(request, operation)
  if (isApply) operation.force = force
  return isApply
}

/** The built-in types alone have numbers for their fields. */
const hasProtobuf = ({ custom, type }: ServedResource["kind"]): boolean =>
  custom === undefined && (type === undefined || schemaSource(type) !== undefined)

/** Whether it is more than a question: of reviews, bindings and tokens, which are only created, there are no tables. */
function isMoreThanAsked({ kind }: ServedResource, subresource: string): boolean {
  const entry = subresource ? kind.subresources.find(({ name }) => name === subresource) : kind
  return entry?.verbs.some((verb) => verb !== "create") ?? true
}

function presentContext(deps: RestDeps, request: ApiRequest, resource: ServedResource): PresentContext {
  const { query, headers } = request
  const isWatch = request.info.verb === "watch"
  const presentation = negotiate(headers["accept"], {
    ...{ isWatch, isCustom: !hasProtobuf(resource.kind) },
    hasTables: isMoreThanAsked(resource, request.info.subresource),
  })
  const include = query.get("includeObject") ?? "Metadata"
  if (include !== "None" && include !== "Metadata" && include !== "Object") {
    throw statusError.badRequest(`unrecognized includeObject value: ${JSON.stringify(include)}`)
  }
  return {
    presentation: wantsPretty(query, headers["user-agent"]) ? { ...presentation, isPretty: true } : presentation,
    includeObject: include,
    now: deps.engine.clock.now(),
  }
}

/** The body as an object of the operation's kind, private to the caller. Throws 400 and 415 Statuses. */
function bodyOf(request: ApiRequest, operation: Operation, target?: DecodeTarget): Promise<KubeObject> {
  const { fieldValidation, warnings } = operation
  return decodeBody(request, target ?? decodeTarget(operation), { fieldValidation, warnings })
}
