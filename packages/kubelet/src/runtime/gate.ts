export interface Gate {
  run<T>(task: () => Promise<T>, signal: AbortSignal): Promise<T>
}

/** Lets at most `limit` tasks run at once; the others wait in the order of their arrival. */
export function newGate(limit: number): Gate {
  let running = 0
  const waiting: (() => void)[] = []
  return {
    async run(task, signal) {
      signal.throwIfAborted()
      if (running >= limit) {
        await new Promise<void>((resolve, reject) => {
          const enter = (): void => {
            signal.removeEventListener("abort", leave)
            resolve()
          }
          const leave = (): void => {
            waiting.splice(waiting.indexOf(enter), 1)
            reject(signal.reason)
          }
          waiting.push(enter)
          signal.addEventListener("abort", leave, { once: true })
        })
      } else running++
      try {
        return await task()
      } finally {
        const next = waiting.shift()
        if (next) next()
        else running--
      }
    },
  }
}
