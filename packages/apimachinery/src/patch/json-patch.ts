import { deepCopy } from "../objects/copy.ts"
import { jsonEqual } from "../objects/equality.ts"
import { badPatch, isObject, type JsonObject, patchFails } from "./patch-error.ts"

/** One operation of RFC 6902. */
export interface JsonPatchOperation {
  op: "add" | "remove" | "replace" | "move" | "copy" | "test"
  path: string
  from?: string
  value?: unknown
}

/** All that `copy` adds may not be larger than this, in bytes of JSON. */
const maxCopiedBytes = 3 * 1024 * 1024

type Container = JsonObject | unknown[]

interface Place {
  container: Container
  key: string
}

const unescaped = (token: string): string => token.replaceAll("~1", "/").replaceAll("~0", "~")

/** The container that a pointer's last token is in; undefined when there is none. The whole document has no container. */
function placeOf(document: unknown, pointer: string): Place | undefined {
  const tokens = pointer.split("/")
  if (tokens.length < 2 || tokens[0] !== "") return undefined
  let container: unknown = document
  for (const token of tokens.slice(1, -1)) container = valueAt(container, unescaped(token))
  if (!isContainer(container)) return undefined
  return { container, key: unescaped(tokens.at(-1) as string) }
}

const isContainer = (value: unknown): value is Container => typeof value === "object" && value !== null

function valueAt(container: unknown, key: string): unknown {
  if (Array.isArray(container)) return /^\d+$/.test(key) ? container[Number(key)] : undefined
  return isObject(container) && Object.hasOwn(container, key) ? container[key] : undefined
}

function indexOf(key: string, last: number): number {
  if (!/^-?(0|[1-9]\d*)$/.test(key)) throw patchFails(`strconv.Atoi: parsing ${JSON.stringify(key)}: invalid syntax`)
  const given = Number(key)
  const index = given < 0 ? given + last + 1 : given
  if (index < 0 || index > last) throw patchFails(`Unable to access invalid index: ${given}: invalid index referenced`)
  return index
}

function has({ container, key }: Place): boolean {
  if (!Array.isArray(container)) return Object.hasOwn(container, key)
  indexOf(key, container.length - 1)
  return true
}

function get({ container, key }: Place): unknown {
  if (Array.isArray(container)) return container[indexOf(key, container.length - 1)]
  return Object.hasOwn(container, key) ? container[key] : undefined
}

function add({ container, key }: Place, value: unknown): void {
  if (Array.isArray(container)) {
    if (key === "-") container.push(value)
    else container.splice(indexOf(key, container.length), 0, value)
  } else set(container, key, value)
}

function set(container: JsonObject, key: string, value: unknown): void {
  if (key === "__proto__") throw badPatch("invalid path")
  container[key] = value
}

function remove(place: Place, path: string): void {
  const { container, key } = place
  if (Array.isArray(container)) container.splice(indexOf(key, container.length - 1), 1)
  else if (Object.hasOwn(container, key)) delete container[key]
  else throw patchFails(`error in remove for path: '${path}': Unable to remove nonexistent key: ${key}: missing value`)
}

function missing(op: string, what: string, path: string): Error {
  return patchFails(`${op} operation does not apply: doc is missing ${what}: ${JSON.stringify(path)}: missing value`)
}

class Application {
  readonly #document: unknown
  #copiedBytes = 0

  constructor(document: unknown) {
    this.#document = document
  }

  #place(op: string, path: string, what = "path"): Place {
    const place = placeOf(this.#document, path)
    if (!place) throw missing(op, what, path)
    return place
  }

  apply(operation: JsonPatchOperation): void {
    const { op, path } = operation
    const from = operation.from ?? ""
    if (op === "add") add(this.#place(op, path), deepCopy(operation.value ?? null))
    else if (op === "remove") remove(this.#place(op, path), path)
    else if (op === "replace") this.#replace(path, deepCopy(operation.value ?? null))
    else if (op === "move") this.#move(from, path)
    else if (op === "copy") this.#copy(from, path)
    else this.#test(path, operation.value ?? null)
  }

  #replace(path: string, value: unknown): void {
    const place = this.#place("replace", path)
    if (!has(place)) throw missing("replace", "key", path)
    if (Array.isArray(place.container)) {
      place.container[indexOf(place.key, place.container.length - 1)] = value
    } else set(place.container, place.key, value)
  }

  #move(from: string, path: string): void {
    const source = this.#place("move", from, "from path")
    if (!has(source)) throw missing("move", "from path", from)
    const value = get(source)
    remove(source, from)
    add(this.#place("move", path, "destination path"), value)
  }

  #test(path: string, value: unknown): void {
    const place = placeOf(this.#document, path)
    const found = place && has(place) ? get(place) : null
    if (!jsonEqual(found ?? null, value)) throw patchFails(`testing value ${path} failed: test failed`)
  }

  #copy(from: string, path: string): void {
    const source = this.#place("copy", from, "from path")
    if (!has(source)) throw missing("copy", "from path", from)
    const value = get(source)
    this.#copiedBytes += JSON.stringify(value).length
    if (this.#copiedBytes > maxCopiedBytes) {
      throw patchFails(
        `Unable to complete the copy, the accumulated size increase of copy is ${this.#copiedBytes}, exceeding the limit ${maxCopiedBytes}`,
      )
    }
    add(this.#place("copy", path, "destination path"), deepCopy(value))
  }
}

const operations = new Set(["add", "remove", "replace", "move", "copy", "test"])

function checked(entry: unknown): JsonPatchOperation {
  if (!isObject(entry)) throw badPatch("json: cannot unmarshal into Go value of type jsonpatch.Operation")
  const { op, path, from } = entry
  if (typeof op !== "string" || !operations.has(op))
    throw patchFails(`Unexpected kind: ${typeof op === "string" ? op : "unknown"}`)
  if (typeof path !== "string") throw patchFails(`${op} operation failed to decode path: missing value`)
  if ((op === "move" || op === "copy") && typeof from !== "string") {
    throw patchFails(`${op} operation failed to decode from: missing value`)
  }
  return entry as unknown as JsonPatchOperation
}

/** Applies a JSON patch (RFC 6902) to a copy of the document. Throws a 400 Status for what is no patch, 422 when it does not apply. */
export function applyJsonPatch<T>(document: T, patch: unknown): T {
  if (!Array.isArray(patch)) throw badPatch("json: cannot unmarshal into Go value of type jsonpatch.Patch")
  const result = deepCopy(document)
  const application = new Application(result)
  for (const entry of patch) application.apply(checked(entry))
  return result
}
