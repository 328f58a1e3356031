import { type CelType, dynType, type ObjectField, type ObjectType, objectOf, stringType } from "../types.ts"
import { unescapedName } from "./escape.ts"

/** `JSONPatch{op: "add", path: "/a", value: 1}`: one operation of a patch. */
export const jsonPatchType: ObjectType = objectOf("JSONPatch", {
  op: stringType,
  path: stringType,
  from: stringType,
  value: dynType,
})

/**
 * The type `Object`, whose messages are apply configurations, and the types of its fields, `Object.spec` and so on.
 * `root` is the type of the object that is mutated; without one, fields are not checked.
 */
export function objectTypes(root: CelType | undefined): (name: string) => ObjectType | undefined {
  return (name) => {
    if (name === "JSONPatch") return jsonPatchType
    const [first, ...path] = name.split(".")
    if (first !== "Object") return undefined
    let type: CelType | undefined = root
    for (const field of path) {
      while (type?.kind === "list") type = type.element
      if (type?.kind === "map") type = type.value
      else if (type?.kind === "object") type = type.fields().get(field)?.type
      while (type?.kind === "list") type = type.element
      if (type === undefined && root !== undefined) return undefined
      if (type?.kind === "dyn") break
    }
    return named(name, type?.kind === "object" ? type : undefined)
  }
}

/** A message type by its path. Its fields that are messages have the types of their own paths. */
function named(name: string, type: ObjectType | undefined): ObjectType {
  if (!type) return { kind: "object", name, fields: () => openFields }
  const fields = (): ReadonlyMap<string, ObjectField> =>
    new Map([...type.fields()].map(([key, field]) => [key, { ...field, type: renamed(field.type, `${name}.${key}`) }]))
  return { kind: "object", name, fields }
}

function renamed(type: CelType, name: string): CelType {
  if (type.kind === "object") return named(name, type)
  if (type.kind === "list") return { ...type, element: renamed(type.element, name) }
  if (type.kind === "map") return { ...type, value: renamed(type.value, name) }
  return type
}

/** Fields of an object whose schema is not known: every name, of any type. */
const openFields: ReadonlyMap<string, ObjectField> = new (class extends Map<string, ObjectField> {
  override get(name: string): ObjectField {
    return { type: dynType, jsonName: unescapedName(name) }
  }
  override has(): boolean {
    return true
  }
})()
