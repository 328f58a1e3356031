import { type CriClient, isCriError, type RuntimeEvent } from "@ladya/cri"
import { Backoff, type Clock, type Component, errorMessage, type Logger, sleep } from "@ladya/util"
import type { MemoryKills } from "../runtime/memory-kills.ts"
import type { RuntimeCache } from "../runtime/runtime-cache.ts"

export interface RuntimeWatchDeps {
  cri: { events: CriClient["events"]; runtime: Pick<CriClient["runtime"], "containerStatus" | "podSandboxStatus"> }
  cache: RuntimeCache
  memoryKills?: Pick<MemoryKills, "note">
  clock: Clock
  log: Logger
  /** Something of this pod may have changed in the runtime. */
  changed(uid: string): void
  /** Everything was listed: `uids` are the pods the runtime has anything of. */
  relisted?(uids: ReadonlySet<string>): void
  /** How often everything is listed though events come; 45 s unless told. */
  relistMs?: number
}

/** By then the runtime has surely taken up a stream of events that was asked for. */
const takeUpMs = 500

/** The runtime tells that a process ended a moment before its answers show it: asked again after these times. */
const exitChecksMs = [20, 50, 100, 250, 500, 1000, 2000, 5000]

/**
 * Watches what happens in the runtime: by its events, with a slow listing behind them for what events did not tell.
 * `start` resolves when everything has been listed once.
 */
export function newRuntimeWatch(deps: RuntimeWatchDeps): Component {
  const { cri, cache, clock, log, changed } = deps
  const stopped = new AbortController()
  const { signal } = stopped
  const tasks: Promise<void>[] = []

  async function relist(): Promise<void> {
    const uids = await cache.relist()
    for (const uid of uids) changed(uid)
    deps.relisted?.(cache.uids())
  }

  const relistQuietly = (): Promise<void> =>
    relist().catch((error: unknown) => log.warn("cannot list what the runtime has", { error: errorMessage(error) }))

  /** Nobody tells what happened while there was no connection, nor before the runtime took up the new stream. */
  async function catchUp(): Promise<void> {
    await relistQuietly()
    await sleep(clock, takeUpMs, signal).then(relistQuietly, () => undefined)
  }

  async function handle(event: RuntimeEvent): Promise<void> {
    // What is started is started by us; only ends come by themselves.
    if (event.type !== "taskExited" && event.type !== "containerDeleted" && event.type !== "taskOom") return
    const { containerId } = event
    // This may come before the end or after it.
    if (event.type === "taskOom") deps.memoryKills?.note(containerId)
    const uid = await cache.podOf(containerId)
    if (!uid) return
    if (event.type === "taskExited") await untilEnded(containerId)
    cache.mark(uid)
    changed(uid)
  }

  /** Waits until the runtime's own answers show the end that its event told of. */
  async function untilEnded(id: string): Promise<void> {
    for (const delayMs of exitChecksMs) {
      if (await hasEnded(id)) return
      await sleep(clock, delayMs, signal)
    }
  }

  async function hasEnded(id: string): Promise<boolean> {
    const container = await unlessGone(cri.runtime.containerStatus(id))
    // One that ends at once may still be shown as created: its start has not come back yet.
    if (container) return container.state === "CONTAINER_EXITED" || container.state === "CONTAINER_UNKNOWN"
    const sandbox = await unlessGone(cri.runtime.podSandboxStatus(id))
    return sandbox?.state !== "SANDBOX_READY"
  }

  async function watch(): Promise<void> {
    const backoff = new Backoff(clock, { initialMs: 100, maxMs: 2000, resetAfterMs: 10_000 })
    while (!signal.aborted) {
      try {
        for await (const event of cri.events({ signal, onConnected: () => void catchUp() })) {
          handle(event).catch((error: unknown) => {
            if (!signal.aborted) log.debug("an event of the runtime was not followed", { error: errorMessage(error) })
          })
        }
      } catch (error) {
        log.info("the runtime's events broke off", { error: errorMessage(error) })
      }
      await sleep(clock, backoff.next(""), signal).catch(() => undefined)
    }
  }

  async function relistSlowly(): Promise<void> {
    while (!signal.aborted) {
      await sleep(clock, deps.relistMs ?? 45_000, signal).catch(() => undefined)
      if (!signal.aborted) await relistQuietly()
    }
  }

  return {
    name: "runtime watch",
    async start() {
      const backoff = new Backoff(clock, { initialMs: 50, maxMs: 1000 })
      for (;;) {
        try {
          await relist()
          break
        } catch (error) {
          signal.throwIfAborted()
          log.debug("the runtime does not answer yet", { error: errorMessage(error) })
          await sleep(clock, backoff.next(""), signal)
        }
      }
      tasks.push(watch(), relistSlowly())
    },
    async stop() {
      stopped.abort(new Error("the runtime watch stops"))
      await Promise.all(tasks)
    },
  }
}

async function unlessGone<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call
  } catch (error) {
    if (isCriError(error, "NOT_FOUND")) return undefined
    throw error
  }
}
