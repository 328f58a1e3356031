import { applyJsonPatch, type FieldType, type KubeObject, mergeConfiguration, StatusError } from "@ladya/apimachinery"
import { type CelObject, isObject, toJson } from "@ladya/cel"
import { errorMessage } from "@ladya/util"

type Fields = Readonly<Record<string, unknown>>

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** The places where a configuration sets what can only be replaced as a whole. */
function atomicPlaces(type: FieldType, value: unknown, path: string): string[] {
  switch (type.kind) {
    case "list": {
      if (type.relation === "atomic") return [path]
      return Array.isArray(value) ? value.flatMap((item) => atomicPlaces(type.items, item, `${path}[]`)) : []
    }
    case "struct":
    case "map": {
      if (type.isAtomic) return [path]
      if (!isFields(value)) return []
      return Object.entries(value).flatMap(([name, inner]) => {
        const of = type.kind === "struct" ? type.fields.get(name)?.type : type.values
        return of ? atomicPlaces(of, inner, `${path}.${name}`) : []
      })
    }
    default:
      return []
  }
}

/**
 * Lays the configuration that an expression made over the object. Throws an Error for one that sets what it cannot set a
 * part of.
 */
export function applyMade(type: FieldType, object: KubeObject, made: unknown): unknown {
  if (!isObject(made)) throw new Error("unexpected evaluation result type: expected Object")
  const config = toJson(made) as Fields
  const atomic = atomicPlaces(type, config, "")
  if (atomic.length > 0) {
    throw new Error(
      `error applying patch: invalid ApplyConfiguration: may not mutate atomic arrays, maps or structs: ${atomic.join(", ")}`,
    )
  }
  return mergeConfiguration(type, object, config)
}

/** Carries the patch out that an expression made. One whose test fails changes nothing. Throws an Error for a bad one. */
export function patchMade(object: KubeObject, made: unknown): unknown {
  if (!Array.isArray(made)) throw new Error("unexpected evaluation result type: expected list of JSONPatch")
  const operations = made.map((operation) => {
    if (!isObject(operation)) throw new Error("type mismatch: JSONPatchType.JSONPatch expected")
    return operationOf(operation)
  })
  try {
    return applyJsonPatch(object, operations)
  } catch (error) {
    const [cause] = error instanceof StatusError ? (error.status.details?.causes ?? []) : []
    const why = cause?.message ?? errorMessage(error)
    if (why.endsWith(": test failed")) return object
    throw new Error(`JSON Patch: ${why}`)
  }
}

function operationOf(operation: CelObject): Record<string, unknown> {
  const json = toJson(operation) as Record<string, unknown>
  // A path of no text is the whole object, which stays what it is.
  if (typeof json["op"] !== "string") throw new Error("JSON Patch: missing op")
  return json
}
