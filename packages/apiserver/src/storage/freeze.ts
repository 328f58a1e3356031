/**
 * Freezes plain data all the way down and takes out what is undefined, so that a handed-over object
 * looks exactly as if it had been parsed from its bytes.
 */
export function freezeObject<T extends object>(value: T): T {
  if (Object.isFrozen(value)) return value
  if (Array.isArray(value)) {
    for (const item of value) if (typeof item === "object" && item !== null) freezeObject(item)
    return Object.freeze(value)
  }
  const record = value as Record<string, unknown>
  for (const key in record) {
    const field = record[key]
    if (typeof field === "object" && field !== null) freezeObject(field)
    else if (field === undefined) delete record[key]
  }
  return Object.freeze(value)
}
