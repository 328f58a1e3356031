import { errorMessage, type Logger, run } from "@ladya/util"
import type { PortPlan } from "./plan.ts"

/** A flow to forget: the address the client used, and the endpoint it was sent to (none: it was sent nowhere). */
export interface StaleFlow {
  address: string
  port: number
  endpoint: string | undefined
}

/** UDP flows that would keep going to endpoints that are gone. TCP connections end by themselves. */
export function staleFlows(before: readonly PortPlan[], after: readonly PortPlan[]): StaleFlow[] {
  const flows: StaleFlow[] = []
  const next = new Map(after.map((plan) => [plan.id, plan]))
  for (const plan of [...before, ...after]) {
    if (plan.protocol !== "udp") continue
    const old = before.find((entry) => entry.id === plan.id)
    const now = next.get(plan.id)
    const addresses = [...plan.clusterAddresses, ...plan.externalAddresses]
    if (plan === old) {
      const kept = new Set(now?.internal.map((target) => `${target.ip}:${target.port}`))
      for (const target of plan.internal) {
        if (kept.has(`${target.ip}:${target.port}`)) continue
        for (const address of addresses) flows.push({ address, port: plan.port, endpoint: target.ip })
      }
    } else if (!old?.internal.length && plan.internal.length > 0) {
      for (const address of addresses) flows.push({ address, port: plan.port, endpoint: undefined })
    }
  }
  return flows
}

/** Makes the kernel forget stale UDP flows, with conntrack(8). Without that program it says so once and does without. */
export class ConntrackCleaner {
  readonly #log: Logger
  #missing = false

  constructor(log: Logger) {
    this.#log = log
  }

  async clean(before: readonly PortPlan[], after: readonly PortPlan[]): Promise<void> {
    if (this.#missing) return
    for (const { address, port, endpoint } of staleFlows(before, after)) {
      const filter = endpoint ? ["--reply-src", endpoint] : []
      try {
        await run("conntrack", ["-D", "-p", "udp", "--orig-dst", address, "--orig-port-dst", String(port), ...filter])
      } catch (error) {
        const message = errorMessage(error)
        // conntrack exits with 1 when there was nothing to delete.
        if (message.includes("0 flow entries")) continue
        if (message.includes("not installed")) {
          this.#missing = true
          this.#log.warn("stale UDP flows are left to time out: install the conntrack package to end them at once")
          return
        }
        this.#log.debug("conntrack failed", { error: message })
      }
    }
  }
}
