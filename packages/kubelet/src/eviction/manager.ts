import { type Clock, type Component, errorMessage, type Logger, sleep, waitFor } from "@ladya/util"
import type { Pressure } from "../node/index.ts"
import { isTerminalPhase, type Pod, podUid } from "../pods/pod.ts"
import { qosClass } from "../pods/resources.ts"
import { diskLimitExceeded, hasDiskLimits, type PodDiskUse } from "./local-storage.ts"
import { evictionMessage, isCritical, type PodUsage, rank } from "./ranking.ts"
import type { SignalReader } from "./signals.ts"
import { type Breach, planBreaches, type Thresholds } from "./thresholds.ts"

export interface EvictionDeps {
  read: SignalReader
  thresholds: Thresholds
  /** Pods that run or are to run. */
  pods(): readonly Pod[]
  /** What pods use of memory (or how many processes they have). */
  usage(resource: "memory" | "pids"): Promise<readonly PodUsage[]>
  diskUse(pod: Pod): Promise<PodDiskUse>
  /** Ends a pod; its status says why. */
  evict(pod: Pod, why: { reason: "Evicted"; message: string }): void
  /** Frees what nobody needs on the disk: images without containers. */
  reclaimDisk(): Promise<unknown>
  /** Pressure began or ended. */
  changed(): void
  event(type: "Normal" | "Warning", reason: string, message: string): void
  clock: Clock
  log: Logger
}

/** Watches what the node has left, and ends pods before the kernel does it at random. */
export interface EvictionManager extends Component {
  pressure(): Pressure
  /** Why the node does not take this pod while it is pressed. */
  refusal(pod: Pod): { reason: string; message: string } | undefined
}

const periodMs = 10_000
/** Pressure is told for this long after it was last seen, so that the node does not flap. */
const transitionMs = 5 * 60_000
/** How long the next look waits for an evicted pod to be gone. */
const goneMs = 30_000

const conditionNames: Readonly<Record<keyof Pressure, string>> = {
  memory: "MemoryPressure",
  disk: "DiskPressure",
  pid: "PIDPressure",
}

export function newEvictionManager(deps: EvictionDeps): EvictionManager {
  const { clock, log } = deps
  const lastSeen = new Map<keyof Pressure, number>()
  const stop = new AbortController()
  let running: Promise<void> | undefined
  let told: string | undefined

  const isPressed = (name: keyof Pressure): boolean => {
    const at = lastSeen.get(name)
    return at !== undefined && clock.monotonic() - at < transitionMs
  }
  const pressure = (): Pressure => ({ memory: isPressed("memory"), disk: isPressed("disk"), pid: isPressed("pid") })

  const note = (breaches: readonly Breach[]): void => {
    for (const { condition } of breaches) lastSeen.set(condition, clock.monotonic())
    const now = JSON.stringify(pressure())
    if (told !== undefined && told !== now) deps.changed()
    told = now
  }

  const active = (): Pod[] => deps.pods().filter((pod) => !isTerminalPhase(pod.status?.phase))

  const diskUsages = async (): Promise<PodUsage[]> => {
    const usages: PodUsage[] = []
    for (const pod of active()) {
      const { volumes, containers } = await deps.diskUse(pod)
      const sum = (values: Iterable<number>): number => [...values].reduce((total, bytes) => total + bytes, 0)
      const own = [...containers].map(([name, used]) => ({ name, used }))
      usages.push({ pod, total: sum(volumes.values()) + sum(containers.values()), containers: own })
    }
    return usages
  }

  const usagesOf = ({ resource }: Breach): Promise<readonly PodUsage[]> =>
    resource === "memory" || resource === "pids" ? deps.usage(resource) : diskUsages()

  /** Ends the first in rank, and waits a while for it to be gone. */
  const evictOne = async (breach: Breach): Promise<void> => {
    const candidates = (await usagesOf(breach)).filter(({ pod }) => !isCritical(pod) && !pod.metadata.deletionTimestamp)
    const [first] = rank(candidates, breach.resource)
    if (!first) {
      log.warn("nothing can be evicted", { signal: breach.signal })
      return
    }
    const { pod } = first
    const message = evictionMessage(breach, first)
    log.warn("evicting a pod", { pod: pod.metadata.name, namespace: pod.metadata.namespace, message })
    deps.evict(pod, { reason: "Evicted", message })
    await waitFor(clock, () => !active().some((other) => podUid(other) === podUid(pod)), {
      description: "the evicted pod to end",
      timeoutMs: goneMs,
      intervalMs: 250,
      signal: stop.signal,
    }).catch(() => undefined)
  }

  const relieve = async (breaches: readonly Breach[]): Promise<void> => {
    const [first] = breaches
    if (!first) return
    deps.event("Warning", "EvictionThresholdMet", `Attempting to reclaim ${first.resource}`)
    if (first.condition === "disk") {
      await deps.reclaimDisk()
      const still = planBreaches(await deps.read(), deps.thresholds)
      if (!still.some(({ signal }) => signal === first.signal)) return
    }
    await evictOne(first)
  }

  /** Pods that keep more on disk than they may. */
  const enforceLimits = async (): Promise<void> => {
    for (const pod of active().filter(hasDiskLimits)) {
      const message = diskLimitExceeded(pod, await deps.diskUse(pod))
      if (message) deps.evict(pod, { reason: "Evicted", message })
    }
  }

  const look = async (): Promise<void> => {
    await enforceLimits()
    const breaches = planBreaches(await deps.read(), deps.thresholds)
    note(breaches)
    await relieve(breaches)
  }

  const loop = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      await look().catch((error: unknown) =>
        log.warn("what the node has left could not be looked at", { error: errorMessage(error) }),
      )
      await sleep(clock, periodMs, stop.signal).catch(() => undefined)
    }
  }

  return {
    name: "eviction",
    async start() {
      running = loop()
    },
    async stop() {
      stop.abort()
      await running
    },
    pressure,
    refusal(pod) {
      if (isCritical(pod)) return undefined
      const now = pressure()
      const pressed = (Object.keys(conditionNames) as (keyof Pressure)[]).filter((name) => now[name])
      const onlyMemory = pressed.length === 1 && pressed[0] === "memory"
      // Who has asked for memory may have it.
      if (pressed.length === 0 || (onlyMemory && qosClass(pod) !== "BestEffort")) return undefined
      const names = pressed.map((name) => conditionNames[name]).join(" ")
      return { reason: "Evicted", message: `The node had condition: [${names}]. ` }
    },
  }
}
