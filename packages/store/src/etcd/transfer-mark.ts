import { type Store, StoreUnavailableError } from "../store.ts"

/** Kept beside the objects in an etcd that a store was copied into. */
export interface TransferMark {
  /** Added to etcd's own revisions. */
  readonly offset: number
  /** False until everything is copied. */
  readonly complete: boolean
}

/** What is below it is the engine's own business: it is not copied on. */
export const ownPrefix = "/ladya/"
export const markKey = `${ownPrefix}transfer`

/** The mark of a store; undefined where nothing was copied into it. */
export async function readMark(store: Store): Promise<TransferMark | undefined> {
  const { kv } = await store.get(markKey)
  return kv && (JSON.parse(kv.value.toString()) as TransferMark)
}

export const encodeMark = (mark: TransferMark): Buffer => Buffer.from(JSON.stringify(mark))

/** What is added to the store's revisions. Throws a StoreUnavailableError when a copy into it broke off. */
export async function readOffset(store: Store): Promise<number> {
  const mark = await readMark(store)
  if (mark && !mark.complete) {
    throw new StoreUnavailableError("a copy into this store was not finished: make it again before a server uses it")
  }
  return mark?.offset ?? 0
}
