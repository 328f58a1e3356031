import { compilePattern } from "@ladya/apimachinery"
import { CelError } from "../runtime/errors.ts"
import { define, matchCost, type Overload } from "./overload.ts"

function patternOf(pattern: string): ReturnType<typeof compilePattern> {
  try {
    return compilePattern(pattern)
  } catch (error) {
    throw new CelError(`error parsing regexp: ${error instanceof Error ? error.message : String(error)}`)
  }
}

const isMatch = (text: string, pattern: string): boolean => patternOf(pattern).matcher(text).find()

function find(text: string, pattern: string): string {
  const matcher = patternOf(pattern).matcher(text)
  return matcher.find() ? (matcher.group() ?? "") : ""
}

function findAll(text: string, pattern: string, limit = -1n): string[] {
  const matcher = patternOf(pattern).matcher(text)
  const found: string[] = []
  while ((limit < 0n || BigInt(found.length) < limit) && matcher.find()) found.push(matcher.group() ?? "")
  return found
}

const cost = ([text = 0, pattern = 0]: readonly number[]): number => matchCost(text, pattern)
const same = { cost, size: ([text = 0]: readonly number[]) => text }

/** Regular expressions. */
export const regexFunctions: readonly Overload[] = [
  define("string:matches(string): bool", isMatch, { cost }),
  define("matches(string, string): bool", isMatch, { cost }),
  define("string:find(string): string", find, same),
  define("string:findAll(string): list<string>", findAll, same),
  define("string:findAll(string, int): list<string>", findAll, same),
]
