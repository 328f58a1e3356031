import {
  boolType,
  bytesType,
  type CelType,
  doubleType,
  durationType,
  dynType,
  intType,
  listOf,
  mapOf,
  nullType,
  opaqueType,
  optionalOf,
  stringType,
  timestampType,
  typeType,
  uintType,
} from "../types.ts"

/** A function for one list of argument types. A member's receiver is its first argument. */
export interface Overload {
  readonly name: string
  readonly isMember: boolean
  readonly params: readonly CelType[]
  readonly result: CelType
  readonly call: (...args: unknown[]) => unknown
  /** What a call costs, by the sizes of its arguments; grows with each of them. */
  readonly cost: (sizes: readonly number[]) => number
  /** How large the result may be, by the sizes of the arguments. */
  readonly size: ((sizes: readonly number[]) => number) | undefined
}

export interface OverloadCost {
  readonly cost?: (sizes: readonly number[]) => number
  readonly size?: (sizes: readonly number[]) => number
}

const names: Readonly<Record<string, CelType>> = {
  bool: boolType,
  bytes: bytesType,
  double: doubleType,
  duration: durationType,
  dyn: dynType,
  int: intType,
  null: nullType,
  string: stringType,
  timestamp: timestampType,
  type: typeType,
  uint: uintType,
  list: listOf(dynType),
  map: mapOf(dynType, dynType),
}

function splitTop(text: string): string[] {
  const parts: string[] = []
  let depth = 0
  let part = ""
  for (const char of text) {
    if (char === "<") depth++
    if (char === ">") depth--
    if (char === "," && depth === 0) {
      parts.push(part)
      part = ""
    } else part += char
  }
  if (part.trim()) parts.push(part)
  return parts
}

function parseType(text: string): CelType {
  const trimmed = text.trim()
  const generic = /^(list|map|optional)<(.*)>$/.exec(trimmed)
  if (generic) {
    const inner = splitTop(generic[2]!).map(parseType)
    if (generic[1] === "list") return listOf(inner[0]!)
    return generic[1] === "map" ? mapOf(inner[0]!, inner[1]!) : optionalOf(inner[0]!)
  }
  if (/^[A-Z]$/.test(trimmed)) return { kind: "param", name: trimmed }
  return names[trimmed] ?? opaqueType(trimmed)
}

const one = (): number => 1

/**
 * Defines a function by its signature: `name(int): string`, or `string:name(int): string` for a member. Names may have
 * dots (`sets.contains`, `_+_`); a single capital letter is a type parameter; an unknown name an opaque type.
 */
export function define(signature: string, call: (...args: never[]) => unknown, costs: OverloadCost = {}): Overload {
  const match = /^(?:([^()]+?):)?([^():]+)\((.*)\): (.+)$/.exec(signature)
  if (!match) throw new Error(`not a signature: ${signature}`)
  const [, receiver, name, args, result] = match
  const params = splitTop(args!).map(parseType)
  return {
    name: name!,
    isMember: receiver !== undefined,
    params: receiver === undefined ? params : [parseType(receiver), ...params],
    result: parseType(result!),
    call: call as (...args: unknown[]) => unknown,
    cost: costs.cost ?? one,
    size: costs.size,
  }
}

/** All functions by `name` for global and `.name` for member ones. */
export type FunctionTable = ReadonlyMap<string, readonly Overload[]>

export function tableOf(...lists: readonly (readonly Overload[])[]): FunctionTable {
  const table = new Map<string, Overload[]>()
  for (const overload of lists.flat()) {
    const key = overload.isMember ? `.${overload.name}` : overload.name
    const found = table.get(key)
    if (found) found.push(overload)
    else table.set(key, [overload])
  }
  return table
}

/** Walking over a text or a list of bytes costs a tenth a unit. */
export const traverse = (size: number): number => Math.ceil(size * 0.1)
/** A match costs as its text and its pattern are long. */
export const matchCost = (text: number, pattern: number): number =>
  Math.ceil((text + 1) * 0.1) * Math.max(1, Math.ceil(pattern * 0.25))
