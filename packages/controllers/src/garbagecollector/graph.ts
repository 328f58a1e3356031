import { type KubeObject, keyText, type metav1, type ResourceRef } from "@ladya/apimachinery"

/** One object that owns or is owned. Only what the collector needs is kept. */
export interface Item {
  readonly uid: string
  readonly ref: ResourceRef
  readonly namespace: string
  readonly name: string
  readonly owners: readonly metav1.OwnerReference[]
  readonly isBeingDeleted: boolean
  /** How its dependents are to be treated when it is deleted, where that was said. */
  readonly policy: "Foreground" | "Orphan" | undefined
  /** Being deleted, and waiting until its dependents have gone. */
  readonly isDeletingDependents: boolean
  /** Being deleted, and its dependents are to be left without owner. */
  readonly isOrphaning: boolean
}

const noOwners: readonly metav1.OwnerReference[] = Object.freeze([])

export const foregroundFinalizer = "foregroundDeletion"
export const orphanFinalizer = "orphan"

export function itemOf(object: KubeObject, ref: ResourceRef): Item {
  const { uid = "", namespace = "", name = "", finalizers = [], ownerReferences = noOwners } = object.metadata
  const isBeingDeleted = object.metadata.deletionTimestamp !== undefined
  const policy = finalizers.includes(orphanFinalizer)
    ? "Orphan"
    : finalizers.includes(foregroundFinalizer)
      ? "Foreground"
      : undefined
  return {
    uid,
    ref,
    namespace,
    name,
    owners: ownerReferences,
    isBeingDeleted,
    policy,
    isDeletingDependents: isBeingDeleted && finalizers.includes(foregroundFinalizer),
    isOrphaning: isBeingDeleted && finalizers.includes(orphanFinalizer),
  }
}

/** What people call it. */
export function itemText({ ref, namespace, name }: Item): string {
  return `${ref.resource}${ref.group ? `.${ref.group}` : ""} ${keyText({ namespace, name })}`
}

/** What changed with an object, as far as its dependents and owners are concerned. */
export interface Change {
  /** Items that may have to be deleted, or to lose an owner. */
  inspect: Item[]
  /** Items whose dependents are to be left alone. */
  orphan: Item[]
}

/** Who owns whom. */
export class OwnerGraph {
  readonly #items = new Map<string, Item>()
  readonly #dependents = new Map<string, Set<string>>()

  get size(): number {
    return this.#items.size
  }

  get(uid: string): Item | undefined {
    return this.#items.get(uid)
  }

  dependentsOf(uid: string): Item[] {
    const found: Item[] = []
    for (const dependent of this.#dependents.get(uid) ?? []) {
      const item = this.#items.get(dependent)
      if (item) found.push(item)
    }
    return found
  }

  hasDependents(uid: string): boolean {
    return (this.#dependents.get(uid)?.size ?? 0) > 0
  }

  /** An object was added or changed. */
  put(next: Item): Change {
    const previous = this.#items.get(next.uid)
    this.#items.set(next.uid, next)
    if (previous?.owners !== next.owners) this.#relink(next, previous)
    const change: Change = { inspect: [], orphan: [] }
    if (next.isOrphaning && !previous?.isOrphaning) change.orphan.push(next)
    if (next.isDeletingDependents && !previous?.isDeletingDependents) {
      change.inspect.push(next, ...this.dependentsOf(next.uid))
    }
    for (const owner of next.owners) {
      const known = this.#items.get(owner.uid)
      const before = previous?.owners.find((one) => one.uid === owner.uid)
      // Owners that were never seen may be gone, or just not be listed yet: to be looked at. So is what comes under an
      // owner that is going already, or names it wrongly.
      if (!before && (!known || known.isDeletingDependents || !isSame(owner, known, next))) change.inspect.push(next)
      // It no longer holds the owner's deletion up, perhaps.
      if (known?.isDeletingDependents && before?.blockOwnerDeletion && !owner.blockOwnerDeletion) {
        change.inspect.push(known)
      }
    }
    for (const owner of previous?.owners ?? []) {
      if (next.owners.some((one) => one.uid === owner.uid)) continue
      const known = this.#items.get(owner.uid)
      if (known?.isDeletingDependents) change.inspect.push(known)
    }
    return change
  }

  /** An object is gone. */
  delete(uid: string): Change {
    const change: Change = { inspect: [], orphan: [] }
    const item = this.#items.get(uid)
    if (!item) return change
    change.inspect.push(...this.dependentsOf(uid))
    this.#items.delete(uid)
    for (const owner of item.owners) {
      this.#unlink(owner.uid, uid)
      const known = this.#items.get(owner.uid)
      if (known?.isDeletingDependents) change.inspect.push(known)
    }
    return change
  }

  #relink(next: Item, previous: Item | undefined): void {
    for (const owner of previous?.owners ?? []) this.#unlink(owner.uid, next.uid)
    for (const owner of next.owners) {
      const known = this.#dependents.get(owner.uid)
      if (known) known.add(next.uid)
      else this.#dependents.set(owner.uid, new Set([next.uid]))
    }
  }

  #unlink(owner: string, dependent: string): void {
    const dependents = this.#dependents.get(owner)
    dependents?.delete(dependent)
    if (dependents?.size === 0) this.#dependents.delete(owner)
  }
}

/** Whether `item` is what `dependent` means: an owner is in its own namespace, or in none. */
function isSame(owner: metav1.OwnerReference, item: Item, dependent: Item): boolean {
  const isHere = !item.ref.namespaced || item.namespace === dependent.namespace
  return isHere && owner.kind === item.ref.kind && owner.name === item.name
}
