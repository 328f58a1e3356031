import { readdirSync } from "node:fs"
import { join } from "node:path"
import { systemClock, timeoutSignal } from "@ladya/util"
import { newContext } from "./context.ts"
import type { Environment } from "./environment.ts"
import { codenames, type Registered, registeredTests, sigOf } from "./registry.ts"

export interface Selection {
  /** All sigs unless told. */
  sigs?: readonly string[]
  name?: RegExp
}

export interface TestResult {
  codename: string
  sig: string
  seconds: number
  /** Absent when it passed. */
  error?: Error
}

export interface SigSummary {
  sig: string
  passed: number
  failed: number
  notWritten: number
}

const directory = join(import.meta.dirname, "..")
const notSigs = new Set(["support", "image", "generated"])

/** Imports the modules of tests, each of which registers what it holds. */
export async function loadTests(): Promise<void> {
  for (const folder of readdirSync(directory, { withFileTypes: true })) {
    if (!folder.isDirectory() || notSigs.has(folder.name)) continue
    for (const entry of readdirSync(join(directory, folder.name), { recursive: true, withFileTypes: true })) {
      if (entry.isFile() && entry.name.endsWith(".ts")) await import(join(entry.parentPath, entry.name))
    }
  }
}

function isSelected(codename: string, selection: Selection): boolean {
  if (selection.sigs && !selection.sigs.includes(sigOf(codename))) return false
  return selection.name?.test(codename) ?? true
}

/** Runs the selected tests: `concurrency` at a time, the idle ones beside them, then the serial ones alone. */
export async function runTests(
  environment: Environment,
  options: Selection & { concurrency: number; onResult: (result: TestResult) => void },
): Promise<TestResult[]> {
  const selected = registeredTests().filter((one) => isSelected(one.codename, options))
  const results: TestResult[] = []
  const run = async (test: Registered): Promise<void> => {
    const result = await runTest(environment, test)
    results.push(result)
    options.onResult(result)
  }
  const waiting = selected.filter((one) => !one.serial && !one.idle)
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next; next = waiting.shift()) await run(next)
  }
  const idle = selected.filter((one) => one.idle).map(run)
  await Promise.all([...idle, ...Array.from({ length: options.concurrency }, worker)])
  for (const test of selected.filter((one) => one.serial)) await run(test)
  return results
}

async function runTest(environment: Environment, test: Registered): Promise<TestResult> {
  const start = systemClock.monotonic()
  const { signal, clear } = timeoutSignal(systemClock, test.timeoutMs)
  const { context, cleanUp } = newContext(environment, signal)
  const late = new Promise<never>((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true })
  })
  let error: Error | undefined
  try {
    await Promise.race([test.run(context), late])
  } catch (thrown) {
    error = thrown instanceof Error ? thrown : new Error(String(thrown))
  } finally {
    clear()
  }
  const problems = await cleanUp()
  if (!error && problems.length > 0) error = new Error(`cleaning up: ${problems.join("; ")}`)
  const seconds = (systemClock.monotonic() - start) / 1000
  return { codename: test.codename, sig: test.sig, seconds, ...(error ? { error } : {}) }
}

/** Counts by sig; what is selected and has no test counts as not written. */
export function summarize(results: readonly TestResult[], selection: Selection): SigSummary[] {
  const bySig = new Map<string, SigSummary>()
  const byName = new Map(results.map((result) => [result.codename, result]))
  for (const codename of codenames) {
    if (!isSelected(codename, selection)) continue
    const sig = sigOf(codename)
    const summary = bySig.get(sig) ?? { sig, passed: 0, failed: 0, notWritten: 0 }
    bySig.set(sig, summary)
    const result = byName.get(codename)
    if (!result) summary.notWritten++
    else if (result.error) summary.failed++
    else summary.passed++
  }
  return [...bySig.values()]
}

/** One line a sig. */
export function summaryText(summaries: readonly SigSummary[]): string {
  return summaries
    .map(({ sig, passed, failed, notWritten }) => {
      const total = passed + failed + notWritten
      return `sig-${sig}: passed ${passed} of ${total}; failed: ${failed}; not written: ${notWritten}`
    })
    .join("\n")
}
