import { createHash } from "node:crypto"
import { type KindDefinition, schemaTypeNames } from "@ladya/api"
import { type GroupVersionKind, newStatusError, type SchemaSource } from "@ladya/apimachinery"
import { discoveryGroups } from "../discovery/groups.ts"
import { chooseMediaType } from "../negotiation/accept.ts"
import { type CachedDocument, newDocument, once, requireRead, sendDocument } from "../negotiation/documents.ts"
import type { ApiRequest, ApiResponse } from "../request.ts"
import { parseDescriptions, readDescriptions } from "./descriptions.ts"
import { documentV2 } from "./document-v2.ts"
import { documentV3 } from "./document-v3.ts"
import { encodeGnosticV2 } from "./gnostic/v2.ts"
import { encodeGnosticV3 } from "./gnostic/v3.ts"
import { mergeV2, noRemoteOpenApi, type RemoteOpenApi } from "./merge.ts"
import { discoveryPath, kindPaths, metaTypes, operationGroup, operationTag, type PathItem } from "./operations.ts"

export interface OpenApiDeps {
  /** What is served now. A new array whenever that changes: documents are kept by its identity. */
  kinds(): readonly KindDefinition[]
  schemas: SchemaSource
  /** Names all types of `schemas`. */
  typeNames(): readonly string[]
  /** Git version of the server: `v1.36.0`. */
  version: string
  /** What other servers add. A new object whenever that changes. */
  remote?: () => RemoteOpenApi
  /** The bytes of the descriptions; those that set-up extracted unless told. */
  descriptions?: () => Buffer
}

// Clients of several ages ask for the same protobuf in two ways. The answer has the first, since `@` may not stand in a media type.
const protobufType = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
const protobufTypes = [protobufType, "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"]
const protobufTypeV3 = "application/com.github.proto-openapi.spec.v3.v1.0+protobuf"
const protobufTypesV3 = [protobufTypeV3, "application/com.github.proto-openapi.spec.v3@v1.0+protobuf"]

export function isOpenApiPath(path: string): boolean {
  return path === "/openapi/v2" || path === "/openapi/v3" || path.startsWith("/openapi/v3/")
}

/** The documents for one state of the registry. Each is made when it is first asked for. */
class Documents {
  readonly #deps: OpenApiDeps
  readonly #kinds: readonly KindDefinition[]
  readonly #remote: RemoteOpenApi
  readonly #cached = new Map<string, CachedDocument>()
  readonly #typeByGvk: () => Map<string, string>
  /** Group versions by the key of the index: `api/v1`, `apis/apps/v1`. */
  readonly #parts: ReadonlyMap<string, () => PathItem[]>
  readonly #builtIn: () => string

  /** `builtIn` says what documents are made of that never changes. */
  constructor(deps: OpenApiDeps, kinds: readonly KindDefinition[], remote: RemoteOpenApi, builtIn: () => string) {
    this.#builtIn = builtIn
    this.#deps = deps
    this.#remote = remote
    this.#kinds = kinds
    this.#typeByGvk = once(() => {
      const types = new Map<string, string>()
      for (const name of deps.typeNames()) {
        for (const [group, version, kind] of deps.schemas(name)?.gvk ?? []) {
          if (!types.has(`${group}/${version}/${kind}`)) types.set(`${group}/${version}/${kind}`, name)
        }
      }
      return types
    })
    this.#parts = this.#partition()
  }

  #descriptionBytes(): Buffer {
    return (this.#deps.descriptions ?? readDescriptions)()
  }

  readonly #typeOf = (gvk: GroupVersionKind): string | undefined =>
    this.#typeByGvk().get(`${gvk.group}/${gvk.version}/${gvk.kind}`)

  #partition(): Map<string, () => PathItem[]> {
    const parts = new Map<string, () => PathItem[]>()
    const groups = discoveryGroups(this.#kinds)
    for (const { name, versions } of groups) {
      const root = name ? `apis/${name}` : "api"
      const title = operationGroup(name, "")
      parts.set(root, () => [
        discoveryPath(
          `/${root}/`,
          `get${title}API${name ? "Group" : "Versions"}`,
          operationTag(name, ""),
          name ? metaTypes.group : metaTypes.versions,
        ),
      ])
      for (const { version, kinds } of versions) {
        const id = `get${operationGroup(name, version)}APIResources`
        parts.set(`${root}/${version}`, () => [
          discoveryPath(`/${root}/${version}/`, id, operationTag(name, version), metaTypes.resourceList),
          ...kinds.flatMap((kind) => kindPaths(kind, this.#typeOf)),
        ])
      }
    }
    parts.set("apis", () => [discoveryPath("/apis/", "getAPIVersions", "apis", metaTypes.groupList)])
    return parts
  }

  /**
   * Says when a document would differ, without making it: from all that it is made of, and nothing else. A custom
   * resource that comes or goes leaves what clients keep of all other groups as it is.
   */
  #hashOf(part: string): string {
    const hash = createHash("sha512").update(part)
    const foreign = this.#remote.parts.get(part)
    if (foreign) return hash.update(JSON.stringify(foreign)).digest("hex").toUpperCase()
    hash.update(this.#builtIn())
    for (const kind of this.#kinds) {
      if (partOf(kind) !== part) continue
      hash.update(JSON.stringify({ ...kind, behaviour: undefined, custom: undefined }))
    }
    for (const [own, text] of this.#customTypes()) if (own === part) hash.update(text)
    return hash.digest("hex").toUpperCase()
  }

  /** The types that are not built in, as text, with the part that each is in. */
  readonly #customTypes = once(() => {
    const builtIn = new Set(schemaTypeNames())
    const types: [part: string, text: string][] = []
    for (const name of this.#deps.typeNames()) {
      if (builtIn.has(name)) continue
      const type = this.#deps.schemas(name)
      const text = JSON.stringify([name, type])
      for (const [group, version] of type?.gvk ?? []) types.push([partOf({ group, version }), text])
    }
    return types
  })

  #cache(key: string, make: () => CachedDocument): CachedDocument {
    const known = this.#cached.get(key)
    if (known) return known
    const document = make()
    this.#cached.set(key, document)
    return document
  }

  index(): CachedDocument {
    return this.#cache("v3", () => {
      const paths = Object.fromEntries(
        [...new Set([...this.#parts.keys(), ...this.#remote.parts.keys()])]
          .sort()
          .map((part) => [part, { serverRelativeURL: `/openapi/v3/${part}?hash=${this.#hashOf(part)}` }]),
      )
      return newDocument("application/json", Buffer.from(JSON.stringify({ paths })))
    })
  }

  /** The document of a group version; undefined when there is none. */
  part(part: string, form: string): CachedDocument | undefined {
    const items = this.#parts.get(part)
    const foreign = this.#remote.parts.get(part)
    if (!items && !foreign) return undefined
    const isJson = form === "application/json"
    return this.#cache(`v3/${part} ${isJson ? "json" : "protobuf"}`, () => {
      const { schemas, version } = this.#deps
      const value =
        foreign ?? documentV3(items?.() ?? [], schemas, parseDescriptions(this.#descriptionBytes()), version)
      return {
        contentType: isJson ? form : protobufTypeV3,
        bytes: isJson ? Buffer.from(JSON.stringify(value)) : encodeGnosticV3(value),
        hash: this.#hashOf(part),
        ...(isJson ? {} : { form: "-protobuf" }),
      }
    })
  }

  v2(form: string): CachedDocument {
    const isJson = form === "application/json"
    return this.#cache(isJson ? "v2 json" : "v2 protobuf", () => {
      const { schemas, version } = this.#deps
      const items = [...this.#parts.values()].flatMap((make) => make())
      const own = documentV2(items, schemas, parseDescriptions(this.#descriptionBytes()), version)
      const value = mergeV2(own, this.#remote.v2)
      return newDocument(
        isJson ? form : protobufType,
        isJson ? Buffer.from(JSON.stringify(value)) : encodeGnosticV2(value),
      )
    })
  }
}

/** Answers `/openapi/v2`, `/openapi/v3` and `/openapi/v3/<group version>`. */
export function newOpenApiHandler(deps: OpenApiDeps): (request: ApiRequest) => ApiResponse {
  let current: { kinds: readonly KindDefinition[]; remote: RemoteOpenApi; documents: Documents } | undefined
  const builtIn = once(() => {
    const hash = createHash("sha512")
      .update(deps.version)
      .update((deps.descriptions ?? readDescriptions)())
    for (const name of schemaTypeNames()) hash.update(JSON.stringify(deps.schemas(name)))
    return hash.digest("hex")
  })
  const documentsNow = (): Documents => {
    const kinds = deps.kinds()
    const remote = deps.remote?.() ?? noRemoteOpenApi
    if (current?.kinds !== kinds || current.remote !== remote) {
      current = { kinds, remote, documents: new Documents(deps, kinds, remote, builtIn) }
    }
    return current.documents
  }
  return (request) => {
    requireRead(request)
    const documents = documentsNow()
    const accept = request.headers["accept"]
    if (request.path === "/openapi/v2") {
      const form = chooseMediaType(accept, ["application/json", ...protobufTypes])
      if (!form) throw notAcceptable(["application/json", ...protobufTypes])
      return sendDocument(request, documents.v2(form))
    }
    if (request.path === "/openapi/v3") {
      if (!chooseMediaType(accept, ["application/json"])) throw notAcceptable(["application/json"])
      return sendDocument(request, documents.index())
    }
    const form = chooseMediaType(accept, ["application/json", ...protobufTypesV3])
    if (!form) throw notAcceptable(["application/json", ...protobufTypesV3])
    return sendPart(request, documents, form)
  }
}

function partOf({ group, version }: { group: string; version: string }): string {
  return group ? `apis/${group}/${version}` : `api/${version}`
}

function sendPart(request: ApiRequest, documents: Documents, form: string): ApiResponse {
  const part = request.path.slice("/openapi/v3/".length).replace(/\/$/, "")
  const document = documents.part(part, form)
  if (!document) throw newStatusError("NotFound", "the server could not find the requested resource")
  const wanted = request.query.get("hash")
  if (!wanted) return sendDocument(request, document)
  if (wanted === document.hash) {
    // The address changes with the document: what it leads to never does.
    return sendDocument(request, document, { "Cache-Control": "public, immutable, max-age=31536000" })
  }
  return { status: 301, headers: { Location: `/openapi/v3/${part}?hash=${document.hash}` }, body: Buffer.alloc(0) }
}

function notAcceptable(types: readonly string[]): Error {
  return newStatusError("NotAcceptable", `only the following media types are accepted: ${types.join(", ")}`)
}
