import { readFileSync } from "node:fs"
import type { ConformanceContext } from "./context.ts"

export type ConformanceTest = (t: ConformanceContext) => Promise<void>

export interface ConformanceOptions {
  /** Runs alone, after the others: it changes or counts what belongs to the whole cluster. */
  serial?: boolean
  /** Mostly waits for time to pass: runs from the beginning, beside the others, and takes no place from them. */
  idle?: boolean
  /** 180 s unless told: far more than a healthy cluster needs. */
  timeoutMs?: number
}

export interface Registered {
  codename: string
  sig: string
  serial: boolean
  idle: boolean
  timeoutMs: number
  run: ConformanceTest
}

/** Every codename of the conformance suite, in its order. */
export const codenames: readonly string[] = JSON.parse(
  readFileSync(new URL("../generated/codenames.json", import.meta.url), "utf8"),
) as string[]

const known = new Set(codenames)
const registered = new Map<string, Registered>()

/** `api-machinery`, for a codename that begins with `[sig-api-machinery]`. */
export function sigOf(codename: string): string {
  return /^\[sig-([a-z-]+)\]/.exec(codename)?.[1] ?? "unknown"
}

/** Registers a test by its exact codename. Throws when there is no such codename, or it has a test already. */
export function conformance(codename: string, test: ConformanceTest, options: ConformanceOptions = {}): void {
  if (!known.has(codename)) {
    const near = codenames.find((one) => one.startsWith(codename.slice(0, 60)))
    throw new Error(`no conformance test is called ${codename}${near ? `\nclosest: ${near}` : ""}`)
  }
  if (registered.has(codename)) throw new Error(`registered twice: ${codename}`)
  registered.set(codename, {
    codename,
    sig: sigOf(codename),
    serial: options.serial ?? codename.includes("[Serial]"),
    idle: options.idle ?? false,
    timeoutMs: options.timeoutMs ?? 180_000,
    run: test,
  })
}

/** What is registered so far, in the suite's order. */
export function registeredTests(): Registered[] {
  return codenames.flatMap((codename) => registered.get(codename) ?? [])
}
