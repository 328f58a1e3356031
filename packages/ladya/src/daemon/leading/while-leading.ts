import { randomUUID } from "node:crypto"
import { hostname } from "node:os"
import { type Client, newLeaderElection, type Transport } from "@ladya/client"
import { type Clock, type Component, type Logger, type Random, timeoutSignal } from "@ladya/util"

export interface WhileLeadingOptions {
  /** Of the component, and of the Lease in `kube-system` that the servers share: `kube-scheduler`. */
  name: string
  client: Client
  clock: Clock
  log: Logger
  random: Random
  /** Makes the component anew, one for each time that this server leads. `over` aborts when that ends. */
  create(over: AbortSignal): Component
}

/** Less than what lies between giving up a lease (10 s) and its end (15 s): the next leader must find nobody at work. */
const stopMs = 4000

/**
 * Runs a component in one of several servers alone: in the one that holds the lease. Ready at once. A server that loses
 * the lease stops its component and takes part again.
 */
export function whileLeading({ name, create, ...deps }: WhileLeadingOptions): Component {
  const election = newLeaderElection({
    ...deps,
    namespace: "kube-system",
    leaseName: name,
    identity: `${hostname().toLowerCase()}_${randomUUID()}`,
    async lead(signal) {
      const component = create(signal)
      const over = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }))
      try {
        await Promise.race([component.start(), over])
        await over
      } finally {
        const deadline = timeoutSignal(deps.clock, stopMs)
        await component.stop(deadline.signal)
        deadline.clear()
      }
    },
    onNewLeader: (identity) => deps.log.info("another leader", { lease: name, leader: identity }),
  })
  return { name, start: () => election.start(), stop: (signal) => election.stop(signal) }
}

const reads: ReadonlySet<string> = new Set(["get", "list"])

/**
 * The same transport, but that nothing is written once the time of this leader is over: what it still has under way
 * must not meet what the next one does. Events may be told to the end.
 */
export function fenced(transport: Transport, over: AbortSignal | undefined): Transport {
  if (!over) return transport
  return {
    async call(call, signal) {
      if (over.aborted && !reads.has(call.verb) && call.target.resource !== "events") {
        throw new Error("this server does not lead any more")
      }
      return transport.call(call, signal)
    },
    watch: (call, signal) => transport.watch(call, signal),
  }
}
