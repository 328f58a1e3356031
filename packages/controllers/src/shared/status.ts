import { type KubeObject, semanticEqual } from "@ladya/apimachinery"
import type { ResourceClient } from "@ladya/client"

/** A number as the API writes optional counts: zero is left out. */
export function count(value: number): number | undefined {
  return value === 0 ? undefined : value
}

/** Writes the status when it differs from the one there; tells whether it did. Throws Conflict when the object changed. */
export async function writeStatus<T extends KubeObject & { status?: unknown }>(
  resource: ResourceClient<T>,
  object: T,
  status: NonNullable<T["status"]>,
): Promise<T | undefined> {
  if (semanticEqual(object.status, status)) return undefined
  return resource.updateStatus({ ...object, status })
}
