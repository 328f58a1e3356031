/** One key as it stands in a store that nobody writes to. */
export interface StoredKey {
  readonly key: string
  readonly value: Buffer
  readonly createRevision: number
  readonly modRevision: number
  /** When it is to go, in milliseconds since the epoch; 0: never. */
  readonly expiresAt: number
}

/** Everything a store holds at one revision. Overwritten versions are not in it. */
export interface StoreDump {
  /** The newest revision: where it goes on from here, revisions are greater. */
  readonly revision: number
  /** In order of modRevision. */
  readonly keys: readonly StoredKey[]
}

/** Told how far a transfer is. */
export type OnProgress = (done: number, total: number) => void

/** A transfer cannot be made as things are. Nothing was changed. */
export class TransferRefusedError extends Error {
  override name = "TransferRefusedError"
}

export const byRevision = (a: StoredKey, b: StoredKey): number => a.modRevision - b.modRevision

/** Seconds that a key still has to live; undefined: it has no end. At least one: what is due goes at once, but by expiring. */
export function secondsLeft({ expiresAt }: StoredKey, now: number): number | undefined {
  return expiresAt === 0 ? undefined : Math.max(1, Math.ceil((expiresAt - now) / 1000))
}
