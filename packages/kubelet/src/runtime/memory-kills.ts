import { closeSync, constants, openSync, readSync } from "node:fs"
import { type Clock, sleep } from "@ladya/util"

/**
 * Which containers lost a process because their memory was full. The runtime's own status says so only once an event
 * has come that takes another way than the end itself: it may come later, and not at all when the container's control
 * group is removed first. The kernel's log has it before the process ends.
 */
export interface MemoryKills {
  /** The runtime told of it. */
  note(containerId: string): void
  /** Resolves when it is as sure as it gets. */
  has(containerId: string): Promise<boolean>
  close(): void
}

export interface MemoryKillsDeps {
  clock: Clock
  /** The kernel's log, a record a read; `/dev/kmsg` unless told. */
  logFile?: string
}

/** How long the runtime's event is waited for when the kernel's log does not tell. */
const eventWaitMs = 500
const eventStepMs = 50
/** The kernel says nothing of whose a process was when many are killed in this time. */
const unnamedMs = 10_000
const maxRemembered = 4096
/** Larger than any record. */
const recordBytes = 16_384

/** Whether an end by SIGKILL has no reason yet that says who did it. */
export function isUnexplainedKill(container: { state: string; exitCode: number; reason: string }): boolean {
  return container.state === "exited" && container.exitCode === 137 && container.reason === "Error"
}

export function newMemoryKills({ clock, logFile = "/dev/kmsg" }: MemoryKillsDeps): MemoryKills {
  const killed = new Set<string>()
  /** Those that were waited for once. */
  const waited = new Set<string>()
  const log = new KernelLog(logFile)
  let unnamedUntilMs = 0

  const remember = (set: Set<string>, id: string): void => {
    set.add(id)
    const [oldest] = set
    if (set.size > maxRemembered && oldest !== undefined) set.delete(oldest)
  }

  /** Takes in what the log has; returns whether it tells of every kill. */
  function readLog(): boolean {
    let named = false
    const readable = log.read((record) => {
      const found = parseKill(record)
      if (!found) return
      if (found.kind === "victim") {
        named = true
        if (found.containerId) remember(killed, found.containerId)
        return
      }
      if (!named) unnamedUntilMs = clock.now() + unnamedMs
      named = false
    })
    return readable && clock.now() >= unnamedUntilMs
  }

  return {
    note: (id) => remember(killed, id),
    async has(id) {
      const certain = killed.has(id) || readLog()
      if (certain || waited.has(id)) return killed.has(id)
      remember(waited, id)
      for (let ms = 0; ms < eventWaitMs && !killed.has(id); ms += eventStepMs) await sleep(clock, eventStepMs)
      return killed.has(id)
    },
    close: () => log.close(),
  }
}

type KillRecord = { kind: "victim"; containerId: string | undefined } | { kind: "kill" }

/** What a record of the kernel's log tells of a kill: first whose process it is, which may be left out, then the kill. */
export function parseKill(record: string): KillRecord | undefined {
  if (record.includes("oom-kill:constraint=")) {
    return { kind: "victim", containerId: record.match(/,task_memcg=[^,]*?([0-9a-f]{64})(?=[.,]|$)/)?.[1] }
  }
  return /out of memory.*: Killed process \d/i.test(record) ? { kind: "kill" } : undefined
}

/** Reads the kernel's log on from where it stopped the last time. */
class KernelLog {
  readonly #file: string
  readonly #buffer = Buffer.alloc(recordBytes)
  #descriptor: number | undefined
  #broken = false

  constructor(file: string) {
    this.#file = file
  }

  /** Hands over the records since the last time; returns whether the log can be read at all. */
  read(each: (record: string) => void): boolean {
    if (this.#broken) return false
    try {
      this.#descriptor ??= openSync(this.#file, constants.O_RDONLY | constants.O_NONBLOCK)
      for (let record = this.#next(); record !== undefined; record = this.#next()) record.split("\n").forEach(each)
      return true
    } catch {
      // Not every machine lets it be read.
      this.close()
      this.#broken = true
      return false
    }
  }

  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor)
    this.#descriptor = undefined
  }

  #next(): string | undefined {
    for (;;) {
      try {
        const length = readSync(this.#descriptor as number, this.#buffer)
        return length > 0 ? this.#buffer.toString("latin1", 0, length) : undefined
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException
        if (code === "EAGAIN") return undefined
        // Records that were not read yet have been written over.
        if (code !== "EPIPE") throw error
      }
    }
  }
}
