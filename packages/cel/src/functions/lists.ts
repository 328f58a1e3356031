import { celEquals } from "../runtime/equality.ts"
import { CelError } from "../runtime/errors.ts"
import { CelDuration, CelUint } from "../runtime/values.ts"
import { checkedInt, compareValues } from "./operators.ts"
import { define, type Overload } from "./overload.ts"

const along = { cost: ([size = 0]: readonly number[]) => Math.max(1, size) }
const square = { cost: ([a = 0, b = 0]: readonly number[]) => Math.max(1, a * b) }
type Item = bigint

function isSorted(list: Item[]): boolean {
  return list.every((item, index) => index === 0 || compareValues(list[index - 1]!, item) <= 0)
}

function extreme(list: Item[], name: string, sign: number): Item {
  if (list.length === 0) throw new CelError(`${name} called on empty list`)
  return list.reduce((best, item) => (compareValues(item, best) * sign > 0 ? item : best))
}

const sums: Readonly<Record<string, (list: never[]) => unknown>> = {
  int: (list: bigint[]) => list.reduce((sum, item) => checkedInt(sum + item), 0n),
  uint: (list: CelUint[]) => new CelUint(list.reduce((sum, item) => sum + item.value, 0n)),
  double: (list: number[]) => list.reduce((sum, item) => sum + item, 0),
  duration: (list: CelDuration[]) => new CelDuration(list.reduce((sum, item) => sum + item.nanos, 0n)),
}

function sumOf(list: unknown[]): unknown {
  const [first] = list
  const kind =
    first instanceof CelUint
      ? "uint"
      : first instanceof CelDuration
        ? "duration"
        : typeof first === "number"
          ? "double"
          : "int"
  return sums[kind]!(list as never[])
}

const includes = (list: readonly unknown[], item: unknown): boolean => list.some((other) => celEquals(other, item))
const containsAll = (list: unknown[], items: unknown[]): boolean => items.every((item) => includes(list, item))

const orderable = ["int", "uint", "double", "bool", "duration", "timestamp", "string", "bytes"]

function distinct(list: unknown[]): unknown[] {
  const seen: unknown[] = []
  for (const item of list) if (!includes(seen, item)) seen.push(item)
  return seen
}

function slice(list: unknown[], from: bigint, to: bigint): unknown[] {
  if (from < 0n || to > BigInt(list.length) || from > to) throw new CelError(`cannot slice(${from}, ${to})`)
  return list.slice(Number(from), Number(to))
}

function flatten(list: unknown[], depth = 1n): unknown[] {
  if (depth < 0n) throw new CelError("level must be non-negative")
  return list.flat(Number(depth))
}

function range(count: bigint): bigint[] {
  if (count > 1_000_000n) throw new CelError("range is too large")
  return Array.from({ length: Math.max(0, Number(count)) }, (_item, index) => BigInt(index))
}

const same = { ...along, size: ([size = 0]: readonly number[]) => size }

/** Functions of lists and of sets. */
export const listFunctions: readonly Overload[] = [
  ...orderable.flatMap((type) => [
    define(`list<${type}>:isSorted(): bool`, isSorted, along),
    define(`list<${type}>:min(): ${type}`, (list: Item[]) => extreme(list, "min", -1), along),
    define(`list<${type}>:max(): ${type}`, (list: Item[]) => extreme(list, "max", 1), along),
    define(`list<${type}>:sort(): list<${type}>`, (list: Item[]) => list.toSorted(compareValues), same),
  ]),
  ...Object.keys(sums).map((type) => define(`list<${type}>:sum(): ${type}`, sumOf, along)),
  define(
    "list<A>:indexOf(A): int",
    (list: unknown[], item: unknown) => BigInt(list.findIndex((x) => celEquals(x, item))),
    along,
  ),
  define(
    "list<A>:lastIndexOf(A): int",
    (list: unknown[], item: unknown) => BigInt(list.findLastIndex((x) => celEquals(x, item))),
    along,
  ),
  define("list<A>:distinct(): list<A>", distinct, same),
  define("list<A>:reverse(): list<A>", (list: unknown[]) => [...list].reverse(), same),
  define("list<A>:slice(int, int): list<A>", slice, same),
  define("list<A>:flatten(): list<dyn>", flatten, same),
  define("list<A>:flatten(int): list<dyn>", flatten, same),
  define("lists.range(int): list<int>", range),
  define("sets.contains(list<A>, list<A>): bool", containsAll, square),
  define(
    "sets.equivalent(list<A>, list<A>): bool",
    (a: unknown[], b: unknown[]) => containsAll(a, b) && containsAll(b, a),
    square,
  ),
  define(
    "sets.intersects(list<A>, list<A>): bool",
    (a: unknown[], b: unknown[]) => a.some((item) => includes(b, item)),
    square,
  ),
]
