/** `T` with what is undefined left out. */
export type Compact<T> = {
  [K in keyof T as undefined extends T[K] ? never : K]: T[K]
} & { [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined> }

/** A shallow copy without the properties that are undefined: for building API objects out of optional parts. */
export function compact<T extends object>(object: T): Compact<T> {
  const result: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(object)) if (value !== undefined) result[key] = value
  return result as Compact<T>
}
