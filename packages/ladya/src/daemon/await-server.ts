import type { HttpsTransport } from "@ladya/client"
import { type Clock, type Component, sleep } from "@ladya/util"

const pollMs = 40
/** After so long the node goes on by itself: its containers need it more than it needs the server. */
const patienceMs = 3000

/**
 * Lets an agent that is started together with its server wait until that is ready, instead of having each of its parts
 * fail and back off. A server that stays away delays the agent a moment and no more.
 */
export function newServerWait(transport: HttpsTransport, clock: Clock): Component {
  const stopping = new AbortController()
  const { signal } = stopping
  const isReady = async (): Promise<boolean> => {
    try {
      return (await transport.raw({ method: "GET", path: "/readyz" }, signal)).status === 200
    } catch {
      return false
    }
  }
  return {
    name: "server-wait",
    start: async () => {
      const end = clock.monotonic() + patienceMs
      while (!signal.aborted && !(await isReady()) && clock.monotonic() < end) {
        await sleep(clock, pollMs, signal).catch(() => undefined)
      }
    },
    stop: async () => stopping.abort(),
  }
}
