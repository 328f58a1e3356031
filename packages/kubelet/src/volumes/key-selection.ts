import type { corev1 } from "@ladya/api"
import type { Payload, PayloadFile } from "./atomic-writer.ts"
import type { ReferencedObject } from "./object-cache.ts"

/** The default mode of files in API-backed volumes, when the object lacks the API's own default. */
export const defaultFileMode = 0o644

/** The keys of a ConfigMap or Secret with their bytes. */
export function dataOf(object: ReferencedObject): Map<string, Buffer> {
  const data = new Map<string, Buffer>()
  if (object.kind === "ConfigMap") {
    for (const [key, text] of Object.entries(object.data ?? {})) data.set(key, Buffer.from(text, "utf8"))
    for (const [key, base64] of Object.entries(object.binaryData ?? {})) data.set(key, Buffer.from(base64, "base64"))
  } else {
    for (const [key, base64] of Object.entries(object.data ?? {})) data.set(key, Buffer.from(base64, "base64"))
  }
  return data
}

/** What a volume or a projection asks of a ConfigMap or Secret. */
export interface Selection {
  items?: readonly corev1.KeyToPath[] | undefined
  optional?: boolean | undefined
  mode: number
}

/** All keys, or those that are listed under the paths they ask for. */
export function selectKeys(object: ReferencedObject, selection: Selection): Payload {
  const data = dataOf(object)
  const files = new Map<string, PayloadFile>()
  if (!selection.items?.length) {
    for (const [key, bytes] of data) files.set(key, { data: bytes, mode: selection.mode })
    return files
  }
  for (const item of selection.items) {
    const bytes = data.get(item.key)
    if (bytes) files.set(item.path, { data: bytes, mode: item.mode ?? selection.mode })
    else if (!selection.optional) throw new Error(missingKey(object, item.key))
  }
  return files
}

function missingKey(object: ReferencedObject, key: string): string {
  return object.kind === "ConfigMap"
    ? `configmap references non-existent config key: ${key}`
    : `references non-existent secret key: ${key}`
}

/** The payload of one reference: empty when the object is missing and optional. */
export function selectFrom(
  object: ReferencedObject | undefined,
  named: { kind: "configmap" | "secret"; name: string },
  selection: Selection,
): Payload {
  if (object) return selectKeys(object, selection)
  if (selection.optional) return new Map()
  throw new Error(`${named.kind} ${JSON.stringify(named.name)} not found`)
}
