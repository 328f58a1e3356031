/** Lets others wait for something to happen to a pod. */
export interface ChangeHub {
  tell(uid: string): void
  /** Resolves at the pod's next change; rejects when the signal aborts. */
  next(uid: string, signal: AbortSignal): Promise<void>
}

export function newChangeHub(): ChangeHub {
  const waiting = new Map<string, Set<() => void>>()
  return {
    tell(uid) {
      const resolvers = waiting.get(uid)
      waiting.delete(uid)
      for (const resolve of resolvers ?? []) resolve()
    },
    next(uid, signal) {
      const promise = new Promise<void>((resolve, reject) => {
        const set = waiting.get(uid) ?? new Set()
        waiting.set(uid, set)
        const done = (): void => {
          signal.removeEventListener("abort", abort)
          resolve()
        }
        const abort = (): void => {
          set.delete(done)
          reject(signal.reason)
        }
        set.add(done)
        signal.addEventListener("abort", abort, { once: true })
      })
      // Nobody may be waiting any more when it aborts.
      promise.catch(() => undefined)
      return promise
    },
  }
}
