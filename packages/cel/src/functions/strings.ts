import { CelError } from "../runtime/errors.ts"
import { formatText } from "./format-text.ts"
import { define, type Overload, traverse } from "./overload.ts"

const surrogates = /[\ud800-\udfff]/
const chars = (text: string): readonly string[] => (surrogates.test(text) ? [...text] : text.split(""))

function inRange(index: bigint, length: number): number {
  if (index < 0n || index > BigInt(length)) throw new CelError(`index out of range: ${index}`)
  return Number(index)
}

function charAt(text: string, index: bigint): string {
  const all = chars(text)
  return all[inRange(index, all.length)] ?? ""
}

function indexOf(text: string, part: string, from = 0n): bigint {
  const all = chars(text)
  const start = inRange(from, all.length)
  if (part === "") return BigInt(start)
  const before = all.slice(0, start).join("").length
  const found = text.indexOf(part, before)
  return found < 0 ? -1n : BigInt(chars(text.slice(0, found)).length)
}

function lastIndexOf(text: string, part: string, from?: bigint): bigint {
  const all = chars(text)
  const start = from === undefined ? all.length : inRange(from, all.length)
  if (part === "") return BigInt(start)
  const found = text.lastIndexOf(part, all.slice(0, start).join("").length)
  return found < 0 ? -1n : BigInt(chars(text.slice(0, found)).length)
}

function substring(text: string, from: bigint, to?: bigint): string {
  const all = chars(text)
  const start = inRange(from, all.length)
  const end = to === undefined ? all.length : inRange(to, all.length)
  if (start > end) throw new CelError(`invalid substring range. start: ${from}, end: ${to}`)
  return all.slice(start, end).join("")
}

function split(text: string, separator: string, limit = -1n): string[] {
  if (limit === 0n) return []
  const parts = separator === "" ? [...chars(text)] : text.split(separator)
  if (limit < 0n || BigInt(parts.length) <= limit) return parts
  const kept = Number(limit) - 1
  return [...parts.slice(0, kept), parts.slice(kept).join(separator)]
}

function replace(text: string, from: string, to: string, limit = -1n): string {
  if (limit < 0n) return text.split(from).join(to)
  let rest = Number(limit)
  const parts = text.split(from)
  return parts.reduce((made, part) => made + (rest-- > 0 ? to : from) + part)
}

const ascii = (text: string, pattern: RegExp, change: (char: string) => string): string => text.replace(pattern, change)
const spaces = /^[\s\u0085]+|[\s\u0085]+$/g

const along = ([length = 0]: readonly number[]): number => Math.max(1, traverse(length))
const same = { cost: along, size: ([length = 0]: readonly number[]) => length }
const search = { cost: ([a = 0, b = 0]: readonly number[]) => Math.max(1, traverse(a) * Math.max(1, traverse(b))) }
const replaced = {
  cost: along,
  size: ([text = 0, from = 0, to = 0]: readonly number[]) =>
    Math.max(text, from === 0 ? (text + 1) * to + text : text * to),
}
const affix = { cost: ([, part = 0]: readonly number[]) => Math.max(1, traverse(part)) }
const list = (items: readonly string[], separator = ""): string => {
  if (!items.every((item) => typeof item === "string")) throw new CelError("no such overload")
  return items.join(separator)
}

/** Functions of texts; positions count characters. */
export const stringFunctions: readonly Overload[] = [
  define("string:contains(string): bool", (text: string, part: string) => text.includes(part), search),
  define("string:startsWith(string): bool", (text: string, part: string) => text.startsWith(part), affix),
  define("string:endsWith(string): bool", (text: string, part: string) => text.endsWith(part), affix),
  define("string:charAt(int): string", charAt, { size: () => 4 }),
  define("string:indexOf(string): int", indexOf, search),
  define("string:indexOf(string, int): int", indexOf, search),
  define("string:lastIndexOf(string): int", lastIndexOf, search),
  define("string:lastIndexOf(string, int): int", lastIndexOf, search),
  define("string:substring(int): string", substring, same),
  define("string:substring(int, int): string", substring, same),
  define("string:lowerAscii(): string", (text: string) => ascii(text, /[A-Z]+/g, (part) => part.toLowerCase()), same),
  define("string:upperAscii(): string", (text: string) => ascii(text, /[a-z]+/g, (part) => part.toUpperCase()), same),
  define("string:trim(): string", (text: string) => text.replace(spaces, ""), same),
  define("string:reverse(): string", (text: string) => [...text].reverse().join(""), same),
  define("string:replace(string, string): string", replace, replaced),
  define("string:replace(string, string, int): string", replace, replaced),
  define("string:split(string): list<string>", split, same),
  define("string:split(string, int): list<string>", split, same),
  define("list<string>:join(): string", list, { cost: along, size: ([items = 0]) => items * 10 }),
  define("list<string>:join(string): string", list, { cost: along, size: ([items = 0]) => items * 10 }),
  define("string:format(list<dyn>): string", formatText, { cost: along, size: ([text = 0]) => text * 2 }),
  define("strings.quote(string): string", (text: string) => JSON.stringify(text), {
    cost: along,
    size: ([text = 0]) => text + 2,
  }),
]
