import type { Clock } from "@ladya/util"
import { closedError, IndexedStore, versionOf, type Write } from "./mvcc/indexed-store.ts"
import type { Store, WriteResult } from "./store.ts"

export interface MemoryStoreDeps {
  clock: Clock
}

class MemoryStore extends IndexedStore {
  constructor(deps: MemoryStoreDeps) {
    super(deps.clock)
    this.hub.begin()
  }

  protected override async write(write: Write): Promise<WriteResult> {
    this.checkOpen()
    const current = this.index.current(write.key)
    const kv = versionOf(write, current, this.index.revision + 1)
    if (!kv) return { ok: false, current }
    const result = this.applyVersion(kv, write.expiresAt)
    this.hub.dispatch()
    return result
  }

  override async compact(revision: number): Promise<void> {
    this.checkOpen()
    this.index.compact(revision)
  }

  override async close(): Promise<void> {
    this.closed = true
    this.expiries.close()
    this.hub.close(closedError())
  }
}

/** A store that lives as long as its process. */
export function newMemoryStore(deps: MemoryStoreDeps): Store {
  return new MemoryStore(deps)
}
