import { compareElements } from "./path-element.ts"

/**
 * A set of fields as a trie, in the very form FieldsV1 has: keys are `f:<field>`, `k:{<keys>}`, `v:<value>`, `i:<index>`,
 * and `.` for the node itself. A node without children is a member; one with children is a member when it has `.`.
 * The root holds what is below the object; without children it is the empty set. Sets are never written to: what comes out
 * of an operation may share parts with what went in, and is the very same when nothing changed.
 */
export interface FieldSet {
  readonly [element: string]: FieldSet
}

/** A set while it is built. */
export type FieldSetDraft = Record<string, FieldSet>

/** A member without children. */
export const leaf: FieldSet = Object.freeze({})
export const emptySet: FieldSet = leaf
const self = "."

export function isEmptySet(set: FieldSet): boolean {
  for (const _ in set) return false
  return true
}

/** Whether the node is itself in the set. */
export function isMember(node: FieldSet): boolean {
  return node[self] !== undefined || isEmptySet(node)
}

function hasChildren(node: FieldSet): boolean {
  for (const key in node) if (key !== self) return true
  return false
}

/** The set being built with one node more; a new one when there was none. */
export function putNode(set: FieldSetDraft | undefined, element: string, node: FieldSet): FieldSetDraft {
  const target = set ?? {}
  target[element] = node
  return target
}

/** A node that is, or is not, a member, with these children; undefined for nothing at all. */
function nodeOf(member: boolean, children: FieldSet | undefined): FieldSet | undefined {
  if (!children || !hasChildren(children)) return member ? leaf : undefined
  if (member === (children[self] !== undefined)) return children
  const node: FieldSetDraft = {}
  if (member) node[self] = leaf
  for (const key in children) if (key !== self) node[key] = children[key] as FieldSet
  return node
}

export function unionSets(a: FieldSet, b: FieldSet): FieldSet {
  if (a === b) return a
  let out: FieldSetDraft | undefined
  for (const key in b) {
    if (key === self) continue
    const left = a[key]
    const right = b[key] as FieldSet
    const merged = left === undefined ? right : unionNodes(left, right)
    if (merged === left) continue
    out ??= { ...a }
    out[key] = merged
  }
  return out ?? a
}

function unionNodes(a: FieldSet, b: FieldSet): FieldSet {
  if (a === b) return a
  const member = isMember(a) || isMember(b)
  return nodeOf(member, unionSets(a, b)) as FieldSet
}

/** What is in `a` and not in `b`; a member of `b` takes away itself alone, not what is below it. */
export function differenceSets(a: FieldSet, b: FieldSet): FieldSet {
  let out: FieldSetDraft | undefined
  for (const key in b) {
    if (key === self) continue
    const left = a[key]
    if (left === undefined) continue
    const rest = differenceNodes(left, b[key] as FieldSet)
    if (rest === left) continue
    out ??= { ...a }
    if (rest === undefined) delete out[key]
    else out[key] = rest
  }
  return out ?? a
}

function differenceNodes(a: FieldSet, b: FieldSet): FieldSet | undefined {
  return nodeOf(isMember(a) && !isMember(b), differenceSets(a, b))
}

export function intersectSets(a: FieldSet, b: FieldSet): FieldSet {
  let out: FieldSetDraft | undefined
  for (const key in a) {
    if (key === self) continue
    const right = b[key]
    if (right === undefined) continue
    const left = a[key] as FieldSet
    const both = nodeOf(isMember(left) && isMember(right), intersectSets(left, right))
    if (both) out = putNode(out, key, both)
  }
  return out ?? emptySet
}

/** Whether two sets have the same members. */
export function equalSets(a: FieldSet, b: FieldSet): boolean {
  if (a === b) return true
  let count = 0
  for (const key in a) {
    if (key === self) continue
    const right = b[key]
    const left = a[key] as FieldSet
    if (right === undefined || isMember(left) !== isMember(right) || !equalSets(left, right)) return false
    count++
  }
  for (const key in b) if (key !== self) count--
  return count === 0
}

/** The set without these children of the root and all that is below them. */
export function withoutTop(set: FieldSet, elements: ReadonlySet<string>): FieldSet {
  let out: FieldSetDraft | undefined
  for (const key in set) {
    if (!elements.has(key)) continue
    out ??= { ...set }
    delete out[key]
  }
  return out ?? set
}

/** Whether the path, as elements, is a member. */
export function hasPath(set: FieldSet, path: readonly string[]): boolean {
  let node: FieldSet | undefined = set
  for (const element of path) {
    node = node[element]
    if (node === undefined) return false
  }
  return isMember(node)
}

/** The set of one path. */
export function pathSet(path: readonly string[]): FieldSet {
  return path.reduceRight<FieldSet>((below, element) => ({ [element]: below }), leaf)
}

/** Every member, as elements: at each level members first, then what is below, in canonical order. */
export function* membersOf(set: FieldSet, prefix: readonly string[] = []): Generator<readonly string[]> {
  const keys = Object.keys(set)
    .filter((key) => key !== self)
    .sort(compareElements)
  for (const key of keys) if (isMember(set[key] as FieldSet)) yield [...prefix, key]
  for (const key of keys) yield* membersOf(set[key] as FieldSet, [...prefix, key])
}

const isPlain = (element: string): boolean => element[0] === "f" || element === self

/** The same set with the keys of every node in canonical order; the very same when they are already. */
export function canonicalSet(set: FieldSet): FieldSet {
  const keys = Object.keys(set)
  let isSorted = true
  for (let index = 1; index < keys.length; index++) {
    if (compareElements(keys[index - 1] as string, keys[index] as string) <= 0) continue
    isSorted = false
    // Fields alone stand in the order of their texts.
    if (keys.every(isPlain)) keys.sort()
    else keys.sort(compareElements)
    break
  }
  let out: FieldSetDraft | undefined = isSorted ? undefined : {}
  for (let index = 0; index < keys.length; index++) {
    const key = keys[index] as string
    const below = set[key] as FieldSet
    const sorted = below === leaf ? below : canonicalSet(below)
    if (out) out[key] = sorted
    else if (sorted !== below) {
      out = {}
      for (const earlier of keys.slice(0, index)) out[earlier] = set[earlier] as FieldSet
      out[key] = sorted
    }
  }
  return out ?? set
}
