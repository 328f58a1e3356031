/** Makes every field, at every depth, read-only. */
export type DeepReadonly<T> = T extends (infer I)[]
  ? readonly DeepReadonly<I>[]
  : T extends object
    ? { readonly [K in keyof T]: DeepReadonly<T[K]> }
    : T

/** Copies plain data: what JSON can carry. An own key `__proto__` is left out. */
export function deepCopy<T>(value: T): T {
  return copy(value) as T
}

function copy(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value
  if (Array.isArray(value)) {
    const length = value.length
    const result = new Array<unknown>(length)
    for (let index = 0; index < length; index++) result[index] = copy(value[index])
    return result
  }
  const source = value as Record<string, unknown>
  const result: Record<string, unknown> = {}
  for (const key in source) {
    if (key === "__proto__") continue
    const field = source[key]
    result[key] = typeof field === "object" && field !== null ? copy(field) : field
  }
  return result
}

/** Freezes plain data in place and returns it. What is frozen already is taken to be frozen through. */
export function deepFreeze<T>(value: T): T {
  freeze(value)
  return value
}

function freeze(value: unknown): void {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return
  if (Array.isArray(value)) for (const item of value) freeze(item)
  else {
    const source = value as Record<string, unknown>
    for (const key in source) {
      const field = source[key]
      if (typeof field === "object" && field !== null) freeze(field)
    }
  }
  Object.freeze(value)
}
