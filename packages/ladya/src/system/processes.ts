import { readdirSync, readFileSync, readlinkSync } from "node:fs"
import { type Clock, sleep, systemClock } from "@ladya/util"

/** A process told apart from any later one with the same pid. */
export interface ProcessRecord {
  pid: number
  /** Clock ticks from boot to its start, as /proc/<pid>/stat has it. */
  startTime: string
  /** /proc/sys/kernel/random/boot_id: pids mean nothing after a reboot. */
  bootId: string
}

export interface ProcessUsage {
  rssBytes: number
  cpuSeconds: number
}

interface Stat {
  state: string
  ppid: number
  utime: number
  stime: number
  startTime: string
  rssPages: number
}

// Fixed by the kernel's ABI on every architecture that Linux runs Node on.
const ticksPerSecond = 100

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8")
  } catch {
    return undefined
  }
}

function readStat(pid: number): Stat | undefined {
  const text = readText(`/proc/${pid}/stat`)
  if (text === undefined) return undefined
  // The command's name stands in brackets and may hold anything, brackets too.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ")
  return {
    state: fields[0] ?? "?",
    ppid: Number(fields[1]),
    utime: Number(fields[11]),
    stime: Number(fields[12]),
    startTime: fields[19] ?? "",
    rssPages: Number(fields[21]),
  }
}

let bootId: string | undefined

function currentBootId(): string {
  bootId ??= (readText("/proc/sys/kernel/random/boot_id") ?? "").trim()
  return bootId
}

/** The record of a process that runs now; undefined when there is none (a zombie counts as none). */
export function recordOf(pid: number): ProcessRecord | undefined {
  const stat = readStat(pid)
  if (!stat || stat.state === "Z" || stat.state === "X") return undefined
  return { pid, startTime: stat.startTime, bootId: currentBootId() }
}

/** Whether this very process still runs. */
export function isAlive(record: ProcessRecord | undefined): record is ProcessRecord {
  if (!record || record.bootId !== currentBootId()) return false
  return recordOf(record.pid)?.startTime === record.startTime
}

/** Signals this very process, never a stranger with its pid. False when it is gone. */
export function signalProcess(record: ProcessRecord | undefined, signal: NodeJS.Signals): boolean {
  if (!isAlive(record)) return false
  try {
    process.kill(record.pid, signal)
    return true
  } catch {
    return false
  }
}

/** Asks a process to end, then makes it: TERM, and KILL after `graceMs`. Resolves when it is gone. */
export async function endProcess(
  record: ProcessRecord | undefined,
  graceMs: number,
  clock: Clock = systemClock,
): Promise<void> {
  if (graceMs > 0) {
    signalProcess(record, "SIGTERM")
    const end = clock.monotonic() + graceMs
    while (isAlive(record) && clock.monotonic() < end) await sleep(clock, 10)
  }
  while (signalProcess(record, "SIGKILL")) await sleep(clock, 5)
}

/** Whether a process has a handler for SIGTERM: one that has none would not notice, or not end in good order. */
export function catchesTerm(record: ProcessRecord): boolean {
  const mask = /^SigCgt:\s+([0-9a-f]+)$/m.exec(readText(`/proc/${record.pid}/status`) ?? "")?.[1]
  return isAlive(record) && ((BigInt(`0x${mask ?? "0"}`) >> 14n) & 1n) === 1n
}

/** Every pid there is now. */
export function allPids(): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
}

/** The pids whose parent is `pid`. */
export function childrenOf(pid: number): number[] {
  return allPids().filter((candidate) => readStat(candidate)?.ppid === pid)
}

/** The inode that names the pid namespace of a process, like `pid:[4026532200]`. */
export function pidNamespaceOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`)
  } catch {
    return undefined
  }
}

/** Every process in the pid namespace of `pid`. */
export function pidsInNamespaceOf(pid: number): number[] {
  const namespace = pidNamespaceOf(pid)
  return namespace === undefined
    ? []
    : allPids().filter((candidate) => readStat(candidate)?.state !== "Z" && pidNamespaceOf(candidate) === namespace)
}

/** The pid, as seen from here, of the process that is `innerPid` in the pid namespace of `namespacePid`. */
export function outerPid(namespacePid: number, innerPid: number): number | undefined {
  const namespace = pidNamespaceOf(namespacePid)
  const isIt = (candidate: number): boolean => {
    if (pidNamespaceOf(candidate) !== namespace) return false
    const line = /^NSpid:\s+(.*)$/m.exec(readText(`/proc/${candidate}/status`) ?? "")?.[1]
    return Number(line?.split(/\s+/).at(-1)) === innerPid
  }
  // Mostly it is a child of the namespace's first process. Not every kernel lists those; then all there are are searched.
  const children = (readText(`/proc/${namespacePid}/task/${namespacePid}/children`) ?? "").split(" ").filter(Boolean)
  return children.map(Number).find(isIt) ?? allPids().find(isIt)
}

/** Resident memory and the processor time used so far; undefined when the process is gone. */
export function usageOf(record: ProcessRecord): ProcessUsage | undefined {
  if (!isAlive(record)) return undefined
  const stat = readStat(record.pid)
  if (!stat) return undefined
  const rssKilobytes = /^VmRSS:\s+(\d+)/m.exec(readText(`/proc/${record.pid}/status`) ?? "")?.[1]
  return {
    rssBytes: Number(rssKilobytes ?? 0) * 1024,
    cpuSeconds: (stat.utime + stat.stime) / ticksPerSecond,
  }
}
