/** A value that its type does not take. The message is worded as the API words it. */
export class DecodeError extends Error {
  override name = "DecodeError"
}

/** Marks a map's key in a path: it counts for field paths, not for type errors. */
export interface MapKey {
  key: string
}

/** What one decoding carries along. */
export class DecodeContext {
  /** Field names, indices, keys of maps: where the walk is. */
  readonly path: (string | number | MapKey)[] = []
  /** Paths of unknown fields; undefined when nobody asks. */
  readonly unknown: string[] | undefined

  constructor(collectUnknown: boolean) {
    this.unknown = collectUnknown ? [] : undefined
  }

  noteUnknown(key: string): void {
    if (this.unknown && this.unknown.length < 100) this.unknown.push(pathText([...this.path, key]))
  }

  /** `value` cannot be a `goType`; `owner` is the type that has the field. */
  mismatch(value: unknown, goType: string, owner: string | undefined): DecodeError {
    const fields = this.path.filter((part) => typeof part === "string")
    const place = owner && fields.length > 0 ? `struct field ${owner}.${fields.join(".")}` : "value"
    return new DecodeError(`json: cannot unmarshal ${kindOf(value)} into Go ${place} of type ${goType}`)
  }
}

/** `spec.containers[0].image`. */
export function pathText(path: readonly (string | number | MapKey)[]): string {
  let text = ""
  for (const part of path) {
    if (typeof part === "number") text += `[${part}]`
    else text += `${text ? "." : ""}${typeof part === "string" ? part : part.key}`
  }
  return text
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return "array"
  if (typeof value === "number")
    return Number.isInteger(value) && Math.abs(value) < 2 ** 31 ? "number" : `number ${value}`
  if (typeof value === "boolean") return "bool"
  return typeof value
}
