import { RE2JS } from "re2js"

const kept = new Map<string, RE2JS>()
const maxKept = 500

/**
 * A pattern of a user, in the syntax that the API knows; it matches in linear time whatever it is. Throws what is wrong
 * with the pattern.
 */
export function compilePattern(pattern: string): RE2JS {
  const known = kept.get(pattern)
  if (known) return known
  const made = RE2JS.compile(pattern)
  if (kept.size >= maxKept) kept.delete(kept.keys().next().value as string)
  kept.set(pattern, made)
  return made
}

/** Whether a pattern is found in a text; undefined for what is no pattern. */
export function matchesPattern(pattern: string, text: string): boolean | undefined {
  try {
    return compilePattern(pattern).matcher(text).find()
  } catch {
    return undefined
  }
}
