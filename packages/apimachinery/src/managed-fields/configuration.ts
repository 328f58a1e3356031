import { emptySet, type FieldSet, type FieldSetDraft, isEmptySet, leaf, putNode } from "./field-set.ts"
import { deducedType, type FieldType, type ListType } from "./field-type.ts"
import { isElement, itemElement } from "./list-items.ts"
import { fieldElement, pathText } from "./path-element.ts"

type Fields = Record<string, unknown>

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** The type of a field of a place of this type; undefined for a field that a struct does not have. */
export function typeOfField(type: FieldType, name: string): FieldType | undefined {
  if (type.kind === "struct") return type.fields.get(name)?.type
  return type.kind === "map" ? type.values : deducedType
}

/** What a configuration says: its leaves, and the items of its lists themselves. */
export function fieldSetOf(type: FieldType, value: object): FieldSet {
  return childrenOf(type, value) ?? emptySet
}

function childrenOf(type: FieldType, value: unknown): FieldSetDraft | undefined {
  let set: FieldSetDraft | undefined
  if (Array.isArray(value)) {
    if (type.kind !== "list") return undefined
    for (let index = 0; index < value.length; index++) {
      const element = itemElement(type, value[index], index)
      if (!isElement(element)) continue
      const below = isWhole(type.items, value[index]) ? undefined : childrenOf(type.items, value[index])
      set ??= {}
      set[element] = below ? { ".": leaf, ...below } : leaf
    }
    return set
  }
  if (!isFields(value)) return undefined
  for (const name in value) {
    const node = nodeOf(type, name, value[name])
    if (node) set = putNode(set, fieldElement(name), node)
  }
  return set
}

/** Whether a value is owned as one. */
function isWhole(type: FieldType, value: unknown): boolean {
  if (type.kind === "scalar") return true
  if (type.kind === "list") return type.relation === "atomic"
  if (type.kind === "deduced") return !isFields(value)
  return type.isAtomic
}

function nodeOf(type: FieldType, name: string, value: unknown): FieldSet | undefined {
  if (value === undefined) return undefined
  const inner = typeOfField(type, name)
  // What a map holds is a member itself; a struct's field is so by its leaves.
  const isOfMap = type.kind !== "struct" || inner === undefined
  if (isWhole(inner ?? deducedType, value)) return leaf
  const below = childrenOf(inner ?? deducedType, value)
  if (below) return isOfMap ? { ".": leaf, ...below } : below
  // Null and the empty object are said, the empty list says nothing.
  return isOfMap || !Array.isArray(value) ? leaf : undefined
}

/** The set with the fields of structs on the way as members of their own. */
export function withNamedFields(type: FieldType, set: FieldSet): FieldSet {
  const out: FieldSetDraft = {}
  for (const key in set) {
    if (key === ".") {
      out[key] = leaf
      continue
    }
    const node = set[key] as FieldSet
    const inner = typeOfElement(type, key)
    const isNamed = type.kind === "struct" && key[0] === "f" && type.fields.has(key.slice(2))
    const below = isEmptySet(node) ? node : withNamedFields(inner, node)
    out[key] = isNamed && !isEmptySet(below) && !below["."] ? { ".": leaf, ...below } : below
  }
  return out
}

export function typeOfElement(type: FieldType, element: string): FieldType {
  if (element[0] === "f") return typeOfField(type, element.slice(2)) ?? deducedType
  return type.kind === "list" ? type.items : deducedType
}

/** What is wrong with a configuration: fields that the schema does not have, wrong types, items twice. Texts with paths. */
export function validateConfiguration(type: FieldType, value: unknown): string[] {
  const errors: string[] = []
  check(type, value, [], errors)
  return errors
}

/** One message of all that is wrong. */
export function errorsText(errors: readonly string[]): string {
  return errors.length === 1 ? (errors[0] as string) : `errors:\n${errors.map((error) => `  ${error}`).join("\n")}`
}

function check(type: FieldType, value: unknown, path: string[], errors: string[]): void {
  if (value === null || value === undefined) return
  const wrong = (what: string): void => {
    errors.push(path.length > 0 ? `${pathText(path)}: ${what}` : what)
  }
  switch (type.kind) {
    case "scalar": {
      const complaint = scalarComplaint(type.scalar, value)
      if (complaint) wrong(complaint)
      return
    }
    case "list":
      if (Array.isArray(value)) checkItems(type, value, path, errors)
      else wrong(`expected list, got ${goText(value)}`)
      return
    case "struct":
    case "map":
      if (!isFields(value)) {
        wrong(`expected map, got ${goText(value)}`)
        return
      }
      for (const name in value) {
        const inner = typeOfField(type, name)
        path.push(fieldElement(name))
        if (inner) check(inner, value[name], path, errors)
        else errors.push(`${pathText(path)}: field not declared in schema`)
        path.pop()
      }
      return
    case "deduced":
      return
  }
}

function checkItems(type: ListType, list: readonly unknown[], path: string[], errors: string[]): void {
  const seen = new Set<string>()
  for (let index = 0; index < list.length; index++) {
    const element = itemElement(type, list[index], index)
    if (!isElement(element)) {
      errors.push(`${pathText(path)}: element ${index}: ${element}`)
      continue
    }
    if (seen.has(element)) errors.push(`${pathText(path)}: duplicate entries for key ${pathText([element])}`)
    seen.add(element)
    path.push(element)
    check(type.items, list[index], path, errors)
    path.pop()
  }
}

function scalarComplaint(scalar: string, value: unknown): string | undefined {
  switch (scalar) {
    case "string":
      return typeof value === "string" ? undefined : `expected string, got ${goText(value)}`
    case "numeric":
      return typeof value === "number" ? undefined : `expected numeric (int or float), got ${goType(value)}`
    case "boolean":
      return typeof value === "boolean" ? undefined : `expected boolean, got ${goText(value)}`
    default:
      return typeof value === "object" ? `expected any scalar, got ${goText(value)}` : undefined
  }
}

const goType = (value: unknown): string => {
  if (Array.isArray(value)) return "[]interface {}"
  if (typeof value === "object") return "map[string]interface {}"
  return typeof value === "boolean" ? "bool" : typeof value
}

const goText = (value: unknown): string => `&value.valueUnstructured{Value:${goLiteral(value)}}`

function goLiteral(value: unknown): string {
  if (Array.isArray(value)) return `[]interface {}{${value.map(goLiteral).join(", ")}}`
  if (isFields(value)) {
    const fields = Object.keys(value).map((name) => `${JSON.stringify(name)}:${goLiteral(value[name])}`)
    return `map[string]interface {}{${fields.join(", ")}}`
  }
  return JSON.stringify(value) ?? "nil"
}
