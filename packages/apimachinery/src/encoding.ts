/**
 * The JSON of an object, with kind, apiVersion and metadata first, as the API sends it.
 * Fields that are undefined are left out.
 */
export function encodeObject(object: { kind?: unknown; apiVersion?: unknown; metadata?: unknown }): string {
  let position = 0
  for (const key in object) {
    if (key !== order[position]) return JSON.stringify(inOrder(object))
    if (++position === order.length) break
  }
  return JSON.stringify(object)
}

const order = ["kind", "apiVersion", "metadata"]

function inOrder(object: { kind?: unknown; apiVersion?: unknown; metadata?: unknown }): unknown {
  const { kind, apiVersion, metadata, ...rest } = object
  return { kind, apiVersion, metadata, ...rest }
}
