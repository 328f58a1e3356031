import type { KindDefinition } from "@ladya/api"

/** Whether what is kept can be sent as it is. */
export function isKeptVersion(kind: KindDefinition): boolean {
  return kind.storage.version === kind.version && kind.storage.group === kind.group && !kind.custom?.convert
}

export function listKind(kind: KindDefinition): string {
  return kind.custom?.listKind ?? `${kind.kind}List`
}
