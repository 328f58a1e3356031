/** Whether two attribute values are the same; versions compare as versions. */
export function isSameValue(a: unknown, b: unknown): boolean {
  if (a === b) return true
  const typed = a as { equals?: (other: unknown) => boolean } | null | undefined
  return typeof typed?.equals === "function" && typed.equals(b)
}
