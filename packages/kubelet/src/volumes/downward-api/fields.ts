import type { corev1 } from "@ladya/api"

/** `key="value"` lines in order of the keys, values quoted and escaped. */
export function formatMap(map: Readonly<Record<string, string>> | undefined): string {
  return Object.keys(map ?? {})
    .sort()
    .map((key) => `${key}=${quote(map![key] as string)}`)
    .join("\n")
}

/** A string literal as upstream's `%q` writes it. */
function quote(text: string): string {
  const named: Record<string, string> = {
    "\x07": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
    "\\": "\\\\",
    '"': '\\"',
  }
  let out = '"'
  for (const character of text) {
    const code = character.codePointAt(0) as number
    if (named[character]) out += named[character]
    else if (code < 0x20 || code === 0x7f) out += `\\x${code.toString(16).padStart(2, "0")}`
    else if (/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Zs}]/u.test(character) && character !== " ") {
      out += code > 0xffff ? `\\U${code.toString(16).padStart(8, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`
    } else out += character
  }
  return `${out}"`
}

/** `metadata.labels['x']` → `["metadata.labels", "x"]`. */
function splitSubscript(path: string): { path: string; key: string | undefined } {
  const match = /^(.*)\['(.*)'\]$/.exec(path)
  return match ? { path: match[1] as string, key: match[2] as string } : { path, key: undefined }
}

/**
 * The value of a pod field as `fieldRef` names it: metadata fields, for volumes and for environment variables. The
 * fields that depend on the node or on status (`spec.nodeName`, `status.podIP` …) are the caller's, who knows them best.
 * Throws for a path that the API does not offer.
 */
export function podField(pod: corev1.Pod, fieldPath: string): string {
  const { path, key } = splitSubscript(fieldPath)
  const { metadata } = pod
  if (key !== undefined) {
    if (path === "metadata.labels") return metadata.labels?.[key] ?? ""
    if (path === "metadata.annotations") return metadata.annotations?.[key] ?? ""
    throw new Error(`fieldPath ${JSON.stringify(fieldPath)} does not support subscript`)
  }
  switch (path) {
    case "metadata.name":
      return metadata.name ?? ""
    case "metadata.namespace":
      return metadata.namespace ?? ""
    case "metadata.uid":
      return metadata.uid ?? ""
    case "metadata.labels":
      return formatMap(metadata.labels)
    case "metadata.annotations":
      return formatMap(metadata.annotations)
    default:
      throw new Error(`unsupported fieldPath: ${fieldPath}`)
  }
}
