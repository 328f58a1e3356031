import { CelError } from "../../runtime/errors.ts"
import type { TypedValue } from "../../runtime/values.ts"
import { opaqueType } from "../../types.ts"
import { define, type Overload, traverse } from "../overload.ts"

const name = "kubernetes.Semver"
const number = "(0|[1-9]\\d*)"
const strict = new RegExp(
  `^${number}\\.${number}\\.${number}(?:-((?:0|[1-9]\\d*|\\d*[A-Za-z-][0-9A-Za-z-]*)(?:\\.(?:0|[1-9]\\d*|\\d*[A-Za-z-][0-9A-Za-z-]*))*))?(?:\\+([0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*))?$`,
)

class CelSemver implements TypedValue {
  readonly celType = opaqueType(name)
  readonly numbers: readonly bigint[]
  readonly prerelease: readonly string[]
  constructor(numbers: readonly bigint[], prerelease: readonly string[]) {
    this.numbers = numbers
    this.prerelease = prerelease
  }
  equals(other: unknown): boolean {
    return other instanceof CelSemver && compare(this, other) === 0
  }
}

/** Fills up what people leave out: a `v` before, missing parts, zeros before numbers. */
function normalized(text: string): string {
  const match = /^v?(\d+)(?:\.(\d+))?(?:\.(\d+))?([-+].*)?$/.exec(text.trim())
  if (!match) return text
  const numbers = match.slice(1, 4).map((part) => (part ?? "0").replace(/^0+(?=\d)/, ""))
  return numbers.join(".") + (match[4] ?? "")
}

function parsed(text: string, normalize = false): CelSemver | undefined {
  const match = strict.exec(normalize ? normalized(text) : text)
  if (!match) return undefined
  return new CelSemver(match.slice(1, 4).map(BigInt), match[4]?.split(".") ?? [])
}

/** A value of the type Semver. Throws CelError when the text is none. */
export const newSemverValue = (text: string): unknown => semver(text)

function semver(text: string, normalize = false): CelSemver {
  const found = parsed(text, normalize)
  if (!found) throw new CelError(`Invalid semantic version ${JSON.stringify(text)}`)
  return found
}

function compareIdentifiers(a: string, b: string): number {
  const numeric = [a, b].map((part) => /^\d+$/.test(part))
  if (numeric[0] && numeric[1]) return BigInt(a) < BigInt(b) ? -1 : BigInt(a) > BigInt(b) ? 1 : 0
  if (numeric[0] !== numeric[1]) return numeric[0] ? -1 : 1
  return a < b ? -1 : a > b ? 1 : 0
}

function compare(a: CelSemver, b: CelSemver): number {
  for (const [index, value] of a.numbers.entries()) {
    const other = b.numbers[index]!
    if (value !== other) return value < other ? -1 : 1
  }
  if (a.prerelease.length === 0 || b.prerelease.length === 0) return b.prerelease.length - a.prerelease.length
  for (let index = 0; index < Math.min(a.prerelease.length, b.prerelease.length); index++) {
    const order = compareIdentifiers(a.prerelease[index]!, b.prerelease[index]!)
    if (order !== 0) return order
  }
  return Math.sign(a.prerelease.length - b.prerelease.length)
}

const along = { cost: ([size = 0]: readonly number[]) => Math.max(1, traverse(size)) }
const order = (a: CelSemver, b: CelSemver): number => Math.sign(compare(a, b))

/** Semantic versions. */
export const semverFunctions: readonly Overload[] = [
  define(`semver(string): ${name}`, semver, along),
  define(`semver(string, bool): ${name}`, semver, along),
  define("isSemver(string): bool", (text: string) => parsed(text) !== undefined, along),
  define(
    "isSemver(string, bool): bool",
    (text: string, normalize: boolean) => parsed(text, normalize) !== undefined,
    along,
  ),
  define(`${name}:major(): int`, (version: CelSemver) => version.numbers[0]),
  define(`${name}:minor(): int`, (version: CelSemver) => version.numbers[1]),
  define(`${name}:patch(): int`, (version: CelSemver) => version.numbers[2]),
  define(`${name}:compareTo(${name}): int`, (a: CelSemver, b: CelSemver) => BigInt(order(a, b))),
  define(`${name}:isGreaterThan(${name}): bool`, (a: CelSemver, b: CelSemver) => order(a, b) > 0),
  define(`${name}:isLessThan(${name}): bool`, (a: CelSemver, b: CelSemver) => order(a, b) < 0),
]
