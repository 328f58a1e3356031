import { semanticEqual } from "../objects/equality.ts"
import { emptySet, type FieldSet, type FieldSetDraft, isEmptySet, leaf, putNode } from "./field-set.ts"
import { deducedType, type FieldType, type ListType, type StructType } from "./field-type.ts"
import { isElement, itemElement, itemsByElement } from "./list-items.ts"

type Fields = Record<string, unknown>

/** What happened to the fields between two states of an object. */
export interface Comparison {
  readonly added: FieldSet
  readonly modified: FieldSet
  readonly removed: FieldSet
}

interface Diff {
  added: FieldSetDraft | undefined
  modified: FieldSetDraft | undefined
  removed: FieldSetDraft | undefined
}

/** Compares two states of an object; undefined when they are the same. `ignored` are fields of the object itself, by name. */
export function compareObjects(
  type: FieldType,
  live: object,
  next: object,
  ignored?: ReadonlySet<string>,
): Comparison | undefined {
  const diff: Diff = { added: undefined, modified: undefined, removed: undefined }
  if (type.kind === "struct") diffStruct(type, live as Fields, next as Fields, diff, ignored)
  else diffMap(type, live as Fields, next as Fields, diff, ignored)
  if (!diff.added && !diff.modified && !diff.removed) return undefined
  return { added: diff.added ?? emptySet, modified: diff.modified ?? emptySet, removed: diff.removed ?? emptySet }
}

const isFields = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value)

function diffStruct(type: StructType, live: Fields, next: Fields, diff: Diff, ignored?: ReadonlySet<string>): void {
  for (const name in next) {
    const right = next[name]
    let left = live[name]
    if (left === right || right === undefined || ignored?.has(name)) continue
    const field = type.fields.get(name)
    if (left === undefined && field) left = field.absent
    diffField(field?.type ?? deducedType, field?.element ?? `f:${name}`, left, right, diff)
  }
  for (const name in live) {
    const left = live[name]
    if (left === undefined || next[name] !== undefined || ignored?.has(name)) continue
    const field = type.fields.get(name)
    diffField(field?.type ?? deducedType, field?.element ?? `f:${name}`, left, field?.absent, diff)
  }
}

function diffMap(type: FieldType, live: Fields, next: Fields, diff: Diff, ignored?: ReadonlySet<string>): void {
  const values = type.kind === "map" ? type.values : deducedType
  for (const name in next) {
    const right = next[name]
    const left = Object.hasOwn(live, name) ? live[name] : undefined
    if (left === right || right === undefined || ignored?.has(name)) continue
    diffField(values, `f:${name}`, left, right, diff)
  }
  for (const name in live) {
    const left = live[name]
    const isKept = Object.hasOwn(next, name) && next[name] !== undefined
    if (left === undefined || isKept || ignored?.has(name)) continue
    diffField(values, `f:${name}`, left, undefined, diff)
  }
}

function diffField(type: FieldType, element: string, left: unknown, right: unknown, diff: Diff): void {
  if (left === right) return
  if (left === undefined) {
    diff.added ??= {}
    diff.added[element] = wholeSet(type, right)
    return
  }
  if (right === undefined) {
    diff.removed ??= {}
    diff.removed[element] = wholeSet(type, left)
    return
  }
  const inner: Diff = { added: undefined, modified: undefined, removed: undefined }
  if (!descend(type, left, right, inner)) {
    if (!semanticEqual(left, right)) diff.modified = putNode(diff.modified, element, leaf)
    return
  }
  if (inner.added) diff.added = putNode(diff.added, element, inner.added)
  if (inner.modified) diff.modified = putNode(diff.modified, element, inner.modified)
  if (inner.removed) diff.removed = putNode(diff.removed, element, inner.removed)
}

/** Compares what is inside; false when the place is owned as a whole. */
function descend(type: FieldType, left: unknown, right: unknown, diff: Diff): boolean {
  switch (type.kind) {
    case "scalar":
      return false
    case "list": {
      if (type.relation === "atomic") return false
      const live = Array.isArray(left) ? (left as unknown[]) : []
      const next = Array.isArray(right) ? (right as unknown[]) : []
      if (live.length === 0 && next.length === 0) return false
      diffList(type, live, next, diff)
      return true
    }
    case "struct":
    case "map":
      if (type.isAtomic) return false
      break
    case "deduced":
      if (!isFields(left) || !isFields(right)) return false
  }
  const live = isFields(left) ? left : {}
  const next = isFields(right) ? right : {}
  if (isEmptySet(live as FieldSet) && isEmptySet(next as FieldSet)) return false
  if (type.kind === "struct") diffStruct(type, live, next, diff)
  else diffMap(type, live, next, diff)
  return true
}

function diffList(type: ListType, live: readonly unknown[], next: readonly unknown[], diff: Diff): void {
  const before = itemsByElement(type, live)
  const after = itemsByElement(type, next)
  for (const [element, items] of after) {
    const old = before.get(element)
    if (items.length > 1 && old && old.length > 1) {
      if (!semanticEqual(old, items)) diff.modified = putNode(diff.modified, element, leaf)
    } else if (items.length > 1) {
      // What is there twice is owned as a whole.
      if (old) diffField(type.items, element, old[0], undefined, diff)
      diff.added = putNode(diff.added, element, leaf)
    } else {
      diffField(type.items, element, old?.length === 1 ? old[0] : undefined, items[0], diff)
    }
  }
  for (const [element, items] of before) {
    if (after.has(element)) continue
    if (items.length > 1) diff.removed = putNode(diff.removed, element, leaf)
    else diffField(type.items, element, items[0], undefined, diff)
  }
}

/** A value that came or went, and everything in it. */
function wholeSet(type: FieldType, value: unknown): FieldSet {
  if (typeof value !== "object" || value === null || type.kind === "scalar") return leaf
  const set: FieldSetDraft = { ".": leaf }
  if (Array.isArray(value)) {
    if (type.kind !== "list" || type.relation === "atomic" || value.length === 0) return leaf
    for (let index = 0; index < value.length; index++) {
      const element = itemElement(type, value[index], index)
      if (!isElement(element)) continue
      // What is there twice is owned as a whole.
      set[element] = set[element] === undefined ? wholeSet(type.items, value[index]) : leaf
    }
    return set
  }
  if (type.kind === "list" || (type.kind !== "deduced" && type.isAtomic)) return leaf
  const fields = value as Fields
  let isLeaf = true
  if (type.kind === "struct") {
    for (const name in fields) {
      const field = type.fields.get(name)
      if (fields[name] === undefined) continue
      set[field?.element ?? `f:${name}`] = wholeSet(field?.type ?? deducedType, fields[name])
      isLeaf = false
    }
    // An empty struct stays a leaf, as long as nobody looks into it.
    for (const [name, field] of type.structs) {
      if (fields[name] !== undefined) continue
      set[field.element] = wholeSet(field.type, field.absent)
      isLeaf = false
    }
  } else {
    const values = type.kind === "map" ? type.values : deducedType
    for (const name in fields) {
      if (fields[name] === undefined) continue
      set[`f:${name}`] = wholeSet(values, fields[name])
      isLeaf = false
    }
  }
  return isLeaf ? leaf : set
}
