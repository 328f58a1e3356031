/**
 * Whether two protobuf messages say the same, without knowing their types: `theirs` may have what stands for nothing
 * (zeros, empty texts and messages), and maps in another order. Returns where they differ first.
 */
export function firstDifference(theirs: Uint8Array, ours: Uint8Array): string | undefined {
  const own = fieldsOf(ours)
  const foreign = fieldsOf(theirs)
  if (!own || !foreign) return "not a message"
  for (const [field, values] of foreign) {
    const found = own.get(field)
    if (!found) {
      const some = values.find((value) => !isNothing(value))
      if (some !== undefined) return `field ${field} is missing: ${show(some)}`
      continue
    }
    if (found.length !== values.length) return `field ${field}: ${values.length} times, not ${found.length}`
    const rest = [...found]
    for (const value of values) {
      const index = rest.findIndex((one) => difference(value, one) === undefined)
      if (index >= 0) rest.splice(index, 1)
      else return `field ${field}: ${difference(value, rest[0] as Value) ?? "no such value"}`
    }
  }
  for (const field of own.keys()) if (!foreign.has(field)) return `field ${field} is too much`
  return undefined
}

type Value = bigint | Uint8Array

const show = (value: Value): string =>
  typeof value === "bigint" ? String(value) : JSON.stringify(Buffer.from(value).toString("latin1"))

function difference(theirs: Value, ours: Value): string | undefined {
  if (typeof theirs === "bigint" || typeof ours === "bigint") {
    return theirs === ours ? undefined : `${show(theirs)}, not ${show(ours)}`
  }
  if (Buffer.compare(theirs, ours) === 0) return undefined
  return firstDifference(theirs, ours) && `${show(theirs)}, not ${show(ours)} (${firstDifference(theirs, ours)})`
}

function isNothing(value: Value): boolean {
  if (typeof value === "bigint") return value === 0n
  return [...(fieldsOf(value)?.values() ?? [[1n]])].every((values) => values.every(isNothing))
}

/** Values by field number; undefined for bytes that are no message. */
function fieldsOf(bytes: Uint8Array): Map<number, Value[]> | undefined {
  const fields = new Map<number, Value[]>()
  let at = 0
  const varint = (): bigint => {
    let value = 0n
    for (let shift = 0n; at < bytes.length; shift += 7n) {
      const byte = bytes[at++] as number
      value |= BigInt(byte & 127) << shift
      if (byte < 128) return value
    }
    throw new RangeError("the end")
  }
  try {
    while (at < bytes.length) {
      const tag = Number(varint())
      let value: Value
      if ((tag & 7) === 0) value = varint()
      else if ((tag & 7) === 2) {
        const end = Number(varint()) + at
        if (end > bytes.length) return undefined
        value = bytes.subarray(at, end)
        at = end
      } else return undefined
      fields.set(tag >> 3, [...(fields.get(tag >> 3) ?? []), value])
    }
  } catch {
    return undefined
  }
  return fields
}
