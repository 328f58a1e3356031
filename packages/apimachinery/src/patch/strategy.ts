import type { FieldSchema, SchemaSource } from "../schema.ts"

/** How a place in a document is patched. */
export interface Strategy {
  /** Whether the list or map is merged; lists are replaced, maps merged, unless told. */
  merge: boolean
  replaceMap: boolean
  retainKeys: boolean
  /** The key that tells items of a merged list of objects apart. */
  mergeKey: string | undefined
  /** What the fields of the map, or of the list's items, are. */
  inside: Shape
}

/** Knows the fields of one place: of a struct by name, of a map all alike, nothing of anything else. */
export interface Shape {
  field(name: string): Strategy
}

const unknown: Strategy = {
  merge: false,
  replaceMap: false,
  retainKeys: false,
  mergeKey: undefined,
  inside: { field: () => unknown },
}

function shapeOf(field: FieldSchema | undefined, source: SchemaSource): Shape {
  if (!field) return unknown.inside
  if (field.ref) return structShape(field.ref, source)
  if (field.type === "array") return shapeOf(field.items, source)
  if (field.type === "map") {
    const values = field.values
    const strategy = strategyOf(values, source)
    return { field: () => strategy }
  }
  return unknown.inside
}

function strategyOf(field: FieldSchema | undefined, source: SchemaSource): Strategy {
  if (!field) return unknown
  const words = field.patchStrategy?.split(",") ?? []
  let inside: Shape | undefined
  return {
    merge: words.includes("merge"),
    replaceMap: words.includes("replace"),
    retainKeys: words.includes("retainKeys"),
    mergeKey: field.patchMergeKey,
    get inside() {
      inside ??= shapeOf(field, source)
      return inside
    },
  }
}

/** The shape of a type. */
export function structShape(typeName: string, source: SchemaSource): Shape {
  const fields = source(typeName)?.fields ?? {}
  return { field: (name) => strategyOf(Object.hasOwn(fields, name) ? fields[name] : undefined, source) }
}
