import type { metav1 } from "@ladya/apimachinery"
import type { Item } from "./graph.ts"

/** How an owner that an object names was found. */
export type OwnerState = "solid" | "absent" | "waiting"

export type GcPlan =
  | { kind: "keep" }
  /** Owners that are gone, or go, are taken out of the references: others still hold the object. */
  | { kind: "dropOwners"; uids: readonly string[] }
  | { kind: "delete"; policy: "Background" | "Foreground" | "Orphan" }

export interface GcInput {
  item: Item
  owners: readonly { reference: metav1.OwnerReference; state: OwnerState }[]
  hasDependents: boolean
}

/** What becomes of an object, by the state of its owners. */
export function planCollection({ item, owners, hasDependents }: GcInput): GcPlan {
  if (owners.length === 0) return { kind: "keep" }
  const of = (state: OwnerState): readonly string[] =>
    owners.filter((one) => one.state === state).map((one) => one.reference.uid)
  const gone = [...of("absent"), ...of("waiting")]
  if (of("solid").length > 0) return gone.length > 0 ? { kind: "dropOwners", uids: gone } : { kind: "keep" }
  // An owner waits: what depends on this object has to go first, too, so that the whole chain goes from its end.
  if (of("waiting").length > 0 && hasDependents) return { kind: "delete", policy: "Foreground" }
  return { kind: "delete", policy: item.policy ?? "Background" }
}
