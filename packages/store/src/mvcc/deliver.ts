import type { StoreEvent, WatchBatch } from "../store.ts"

/** Who gets batches. */
export interface Recipient {
  readonly prefix: string
  readonly onBatch: (batch: WatchBatch) => void
  readonly end: (error: Error | undefined) => void
  /** Everything up to this revision was handed over. */
  delivered: number
}

/** Hands over what the recipient wants and has not had; one that throws is ended by that. */
export function deliver(recipient: Recipient, batch: WatchBatch, options?: { evenEmpty: boolean }): void {
  if (batch.revision <= recipient.delivered) return
  const events = select(batch.events, recipient)
  if (events.length === 0 && !options?.evenEmpty) return
  recipient.delivered = batch.revision
  try {
    recipient.onBatch(events === batch.events ? batch : { revision: batch.revision, events })
  } catch (error) {
    recipient.end(error instanceof Error ? error : new Error(String(error)))
  }
}

const none: readonly StoreEvent[] = []

/** The events that a watcher wants; the same array when it wants all. */
function select(events: readonly StoreEvent[], watcher: Recipient): readonly StoreEvent[] {
  const { prefix, delivered } = watcher
  if (events.length === 1) {
    const { kv } = events[0]!
    return kv.modRevision > delivered && kv.key.startsWith(prefix) ? events : none
  }
  let selected: StoreEvent[] | undefined
  for (const event of events) {
    if (event.kv.modRevision <= delivered || !event.kv.key.startsWith(prefix)) continue
    if (selected) selected.push(event)
    else selected = [event]
  }
  if (!selected) return none
  return selected.length === events.length ? events : selected
}
