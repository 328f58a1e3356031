import type { KindDefinition } from "@ladya/api"
import type { GroupVersionKind } from "@ladya/apimachinery"
import { returnsDeletedObject } from "./deletion.ts"
import {
  connectQuery,
  deleteCollectionQuery,
  deleteQuery,
  listQuery,
  nameParameter,
  namespaceParameter,
  type Parameter,
  patchQuery,
  pathParameter,
  queryParameters,
  writeQuery,
} from "./parameters.ts"

const meta = "io.k8s.apimachinery.pkg.apis.meta.v1."

/** The names of types that operations use whatever their kind. */
export const metaTypes = {
  deleteOptions: `${meta}DeleteOptions`,
  patch: `${meta}Patch`,
  status: `${meta}Status`,
  watchEvent: `${meta}WatchEvent`,
  resourceList: `${meta}APIResourceList`,
  groupList: `${meta}APIGroupList`,
  group: `${meta}APIGroup`,
  versions: `${meta}APIVersions`,
} as const

export type Method = "get" | "put" | "post" | "delete" | "options" | "head" | "patch"

/** What one method of one path does, before it is written in any version of OpenAPI. */
export interface Operation {
  readonly id: string
  readonly description: string
  readonly tag: string
  /** The API's word for it (`x-kubernetes-action`). */
  readonly action?: string
  readonly gvk?: GroupVersionKind
  readonly query: readonly Parameter[]
  /** The type of the body. */
  readonly body?: { readonly type: string; readonly form: "object" | "patch" | "options" }
  /** The type of the answer; undefined: text. */
  readonly answer: string | undefined
  readonly codes: readonly number[]
  /** How the answer is written: an object, a list or watch of objects, text, or whatever is behind a proxy. */
  readonly form: "object" | "stream" | "log" | "any"
  /** About objects of a custom type. */
  readonly isCustom?: boolean
}

export interface PathItem {
  readonly path: string
  readonly parameters: readonly Parameter[]
  readonly operations: Readonly<Partial<Record<Method, Operation>>>
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)

/** `rbac.authorization.k8s.io` and `v1` are `RbacAuthorizationV1` in the names of operations. */
export function operationGroup(group: string, version: string): string {
  const words = (group || "core").replace(/\.k8s\.io$/, "").split(".")
  return words.map(capital).join("") + capital(version)
}

export function operationTag(group: string, version: string): string {
  const name = (group || "core").replace(/\.k8s\.io$/, "").split(".")
  return [name[0], ...name.slice(1).map(capital)].join("") + (version ? `_${version}` : "")
}

/** Finds the type of a kind by its group, version and name. */
export type TypeFinder = (gvk: GroupVersionKind) => string | undefined

/** Makes the operations of one kind. */
class KindOperations {
  readonly #kind: KindDefinition
  readonly #typeOf: TypeFinder
  readonly #base: string
  readonly items: PathItem[] = []

  constructor(kind: KindDefinition, typeOf: TypeFinder) {
    this.#kind = kind
    this.#typeOf = typeOf
    this.#base = kind.group ? `/apis/${kind.group}/${kind.version}` : `/api/${kind.version}`
  }

  #id(verb: string, options: { before?: string; after?: string; everywhere?: boolean } = {}): string {
    const { group, version, kind, namespaced } = this.#kind
    const scope = namespaced && !options.everywhere ? "Namespaced" : ""
    const end = options.everywhere ? "ForAllNamespaces" : ""
    return `${verb}${operationGroup(group, version)}${options.before ?? ""}${scope}${kind}${options.after ?? ""}${end}`
  }

  #operation(
    action: string,
    id: string,
    description: string,
    rest: Pick<Operation, "answer" | "codes"> & Partial<Operation> & { names?: readonly string[] },
  ): Operation {
    const { group, version, kind } = this.#kind
    const { names, ...given } = rest
    return {
      id,
      description,
      tag: operationTag(group, version),
      action,
      gvk: { group, version, kind },
      query: queryParameters(names ?? []),
      form: "object",
      isCustom: this.#kind.custom !== undefined,
      ...given,
    }
  }

  #add(path: string, parameters: readonly Parameter[], operations: PathItem["operations"]): void {
    if (Object.keys(operations).length === 0) return
    this.items.push({
      path: this.#base + path,
      parameters: [...parameters, ...queryParameters(["pretty"])],
      operations,
    })
  }

  all(): PathItem[] {
    const { resource, namespaced, type, verbs } = this.#kind
    if (!type) return this.items
    const scope = namespaced ? "/namespaces/{namespace}" : ""
    const scopeParameters = namespaced ? [namespaceParameter] : []
    const nameParameters = [nameParameter(this.#kind.kind), ...scopeParameters]
    if (namespaced && verbs.includes("list")) this.#add(`/${resource}`, [], { get: this.#list(type, true) })
    this.#add(`${scope}/${resource}`, scopeParameters, this.#collection(type))
    this.#add(`${scope}/${resource}/{name}`, nameParameters, this.#single(type))
    if (verbs.includes("watch") && !this.#kind.custom) this.#watches(`${scope}/${resource}`, nameParameters)
    for (const sub of this.#kind.subresources) {
      this.#subresource(`${scope}/${resource}/{name}/${sub.name}`, nameParameters, sub)
    }
    return this.items
  }

  #list(type: string, everywhere: boolean): Operation {
    const { kind } = this.#kind
    return this.#operation("list", this.#id("list", { everywhere }), `List or watch objects of kind ${kind}.`, {
      answer: `${type}List`,
      codes: [200],
      names: listQuery,
      form: "stream",
    })
  }

  /** The deprecated paths of watches. */
  #watches(path: string, nameParameters: readonly Parameter[]): void {
    const { kind, resource, namespaced } = this.#kind
    const query = queryParameters(listQuery)
    const add = (at: string, parameters: readonly Parameter[], action: string, id: string, what: string): void => {
      const get = this.#operation(action, id, `Watch ${what}. Deprecated: list with the parameter watch instead.`, {
        answer: metaTypes.watchEvent,
        codes: [200],
        form: "stream",
      })
      this.#add(`/watch${at}`, [...parameters, ...query], { get })
    }
    const all = `objects of kind ${kind}`
    if (namespaced) {
      add(`/${resource}`, [], "watchlist", this.#id("watch", { after: "List", everywhere: true }), all)
    }
    add(path, namespaced ? [namespaceParameter] : [], "watchlist", this.#id("watch", { after: "List" }), all)
    add(`${path}/{name}`, nameParameters, "watch", this.#id("watch"), `one ${kind}`)
  }

  #collection(type: string): PathItem["operations"] {
    const { kind, verbs } = this.#kind
    const operations: Partial<Record<Method, Operation>> = {}
    if (verbs.includes("list")) operations.get = this.#list(type, false)
    if (verbs.includes("create")) {
      operations.post = this.#operation("post", this.#id("create"), `Create an object of kind ${kind}.`, {
        answer: type,
        codes: [200, 201, 202],
        names: writeQuery,
        body: { type, form: "object" },
      })
    }
    if (verbs.includes("deletecollection")) {
      operations.delete = this.#operation(
        "deletecollection",
        this.#id("delete", { before: "Collection" }),
        `Delete all selected objects of kind ${kind}.`,
        {
          answer: metaTypes.status,
          codes: [200],
          names: deleteCollectionQuery,
          body: { type: metaTypes.deleteOptions, form: "options" },
        },
      )
    }
    return operations
  }

  #single(type: string): PathItem["operations"] {
    const { kind, verbs } = this.#kind
    const operations = this.#readAndWrite(verbs, type, "", kind)
    if (verbs.includes("delete")) {
      operations.delete = this.#operation("delete", this.#id("delete"), `Delete one object of kind ${kind}.`, {
        answer: returnsDeletedObject(this.#kind) ? type : metaTypes.status,
        codes: [200, 202],
        names: deleteQuery,
        body: { type: metaTypes.deleteOptions, form: "options" },
      })
    }
    return operations
  }

  #readAndWrite(
    verbs: readonly string[],
    type: string,
    after: string,
    what: string,
    gvk?: GroupVersionKind,
  ): Partial<Record<Method, Operation>> {
    const operations: Partial<Record<Method, Operation>> = {}
    const own = gvk ? { gvk } : {}
    if (verbs.includes("get")) {
      operations.get = this.#operation("get", this.#id("read", { after }), `Read one ${what}.`, {
        ...own,
        answer: type,
        codes: [200],
      })
    }
    if (verbs.includes("update")) {
      operations.put = this.#operation("put", this.#id("replace", { after }), `Replace one ${what}.`, {
        ...own,
        answer: type,
        codes: [200, 201],
        names: writeQuery,
        body: { type, form: "object" },
      })
    }
    if (verbs.includes("patch")) {
      operations.patch = this.#operation("patch", this.#id("patch", { after }), `Change parts of one ${what}.`, {
        ...own,
        answer: type,
        codes: [200, 201],
        names: patchQuery,
        body: { type: metaTypes.patch, form: "patch" },
      })
    }
    return operations
  }

  #subresource(path: string, parameters: readonly Parameter[], sub: KindDefinition["subresources"][number]): void {
    const after = capital(sub.name)
    if (sub.kind.kind.endsWith("Options")) {
      this.#connect(path, parameters, sub)
      return
    }
    const what = `${sub.name} of the ${this.#kind.kind}`
    if (sub.name === "log") {
      const get = this.#operation("get", this.#id("read", { after }), `Read the ${what}.`, {
        answer: undefined,
        codes: [200],
        names: connectQuery["log"] ?? [],
        form: "log",
      })
      this.#add(path, parameters, { get })
      return
    }
    const type = this.#typeOf(sub.kind)
    if (!type) return
    const operations = this.#readAndWrite(sub.verbs, type, after, what, sub.kind)
    if (sub.verbs.includes("create")) {
      operations.post = this.#operation("post", this.#id("create", { after }), `Create the ${what}.`, {
        gvk: sub.kind,
        answer: type,
        codes: [200, 201, 202],
        names: writeQuery,
        body: { type, form: "object" },
      })
    }
    this.#add(path, parameters, operations)
  }

  #connect(path: string, parameters: readonly Parameter[], sub: KindDefinition["subresources"][number]): void {
    const isProxy = sub.name === "proxy"
    const methods: Method[] = isProxy ? ["delete", "get", "head", "options", "patch", "post", "put"] : ["get", "post"]
    const make = (after: string): PathItem["operations"] =>
      Object.fromEntries(
        methods.map((method) => [
          method,
          this.#operation(
            "connect",
            this.#connectId(method, after),
            `Connect ${method.toUpperCase()} requests to the ${sub.name} of the ${this.#kind.kind}.`,
            { gvk: sub.kind, answer: undefined, codes: [200], form: "any" },
          ),
        ]),
      )
    const all = [...parameters, ...queryParameters(connectQuery[sub.name] ?? [])]
    this.items.push({ path: this.#base + path, parameters: all, operations: make(capital(sub.name)) })
    if (isProxy) {
      this.items.push({
        path: `${this.#base}${path}/{path}`,
        parameters: [...all, pathParameter],
        operations: make(`${capital(sub.name)}WithPath`),
      })
    }
  }

  #connectId(method: Method, after: string): string {
    const { group, version, kind, namespaced } = this.#kind
    const scope = namespaced ? "Namespaced" : ""
    return `connect${operationGroup(group, version)}${capital(method)}${scope}${kind}${after}`
  }
}

/** All paths of a kind. */
export function kindPaths(kind: KindDefinition, typeOf: TypeFinder): PathItem[] {
  return new KindOperations(kind, typeOf).all()
}

/** A path of discovery. `group` and `version` are empty where they do not apply. */
export function discoveryPath(path: string, id: string, tag: string, answer: string): PathItem {
  return {
    path,
    parameters: [],
    operations: {
      get: { id, description: "Say what there is.", tag, query: [], answer, codes: [200], form: "object" },
    },
  }
}
