import type { corev1 } from "@ladya/api"
import { isConditionTrue } from "@ladya/apimachinery"
import { TokenBucket } from "@ladya/client"
import type { Clock } from "@ladya/util"
import type { ControllersConfig } from "../config.ts"

export type ZoneState = "normal" | "partialDisruption" | "fullDisruption"

/** Region and zone of a node, as one text. */
export function zoneOf(node: corev1.Node): string {
  const { labels = {} } = node.metadata
  return `${labels["topology.kubernetes.io/region"] ?? ""}:${labels["topology.kubernetes.io/zone"] ?? ""}`
}

/** How well a zone is. A few nodes that are away are no disruption of the zone. */
export function zoneState(ready: number, notReady: number, unhealthyThreshold: number): ZoneState {
  if (ready === 0 && notReady > 0) return "fullDisruption"
  if (notReady > 2 && notReady / (ready + notReady) >= unhealthyThreshold) return "partialDisruption"
  return "normal"
}

type RateConfig = Pick<
  ControllersConfig,
  "nodeEvictionRate" | "secondaryNodeEvictionRate" | "largeClusterSizeThreshold" | "unhealthyZoneThreshold"
>

/**
 * Decides which nodes' pods may be evicted now. Nodes of a zone are taken one by one, slowly; where most of a zone is
 * away the fault is likely the network's, and it goes slower or not at all; when every node is away, nobody is evicted.
 */
export class EvictionGate {
  readonly #clock: Clock
  readonly #config: RateConfig
  readonly #buckets = new Map<string, { rate: number; bucket: TokenBucket }>()
  #isAllDisrupted = false

  constructor(clock: Clock, config: RateConfig) {
    this.#clock = clock
    this.#config = config
  }

  /** Every zone is away: taints that evict are to be taken back. */
  get isAllDisrupted(): boolean {
    return this.#isAllDisrupted
  }

  /** The nodes out of `waiting` whose pods may be evicted from now on. */
  admit(nodes: Iterable<corev1.Node>, waiting: readonly corev1.Node[]): corev1.Node[] {
    const zones = new Map<string, { ready: number; notReady: number }>()
    for (const node of nodes) {
      const zone = zones.get(zoneOf(node)) ?? { ready: 0, notReady: 0 }
      zones.set(zoneOf(node), zone)
      if (isConditionTrue(node.status?.conditions, "Ready")) zone.ready++
      else zone.notReady++
    }
    const states = new Map(
      [...zones].map(([name, zone]) => [
        name,
        {
          size: zone.ready + zone.notReady,
          state: zoneState(zone.ready, zone.notReady, this.#config.unhealthyZoneThreshold),
        },
      ]),
    )
    this.#isAllDisrupted = states.size > 0 && [...states.values()].every(({ state }) => state === "fullDisruption")
    if (this.#isAllDisrupted) return []
    return waiting.filter((node) => {
      const zone = states.get(zoneOf(node))
      return zone !== undefined && this.#bucket(zoneOf(node), this.#rate(zone.state, zone.size))?.tryTake() === true
    })
  }

  #rate(state: ZoneState, size: number): number {
    if (state !== "partialDisruption") return this.#config.nodeEvictionRate
    return size > this.#config.largeClusterSizeThreshold ? this.#config.secondaryNodeEvictionRate : 0
  }

  #bucket(zone: string, rate: number): TokenBucket | undefined {
    if (rate === 0) {
      this.#buckets.delete(zone)
      return undefined
    }
    let entry = this.#buckets.get(zone)
    if (entry?.rate !== rate) {
      entry = { rate, bucket: new TokenBucket(this.#clock, { perSecond: rate, burst: 1 }) }
      this.#buckets.set(zone, entry)
    }
    return entry.bucket
  }
}
