import type { Duplex } from "node:stream"

/**
 * Joins two connections until both have ended. `pipe` ends the other side in order when one has said all; only a break
 * destroys it. Destroying at the first close would cut off output that is still on its way.
 */
export function joinSockets(a: Duplex, b: Duplex): void {
  for (const [from, to] of [
    [a, b],
    [b, a],
  ] as const) {
    from.on("error", () => to.destroy())
    from.on("close", () => {
      if (!from.readableEnded) to.destroy()
    })
    from.pipe(to)
  }
}
