import { spawn } from "node:child_process"
import type { ProcessRecord } from "../system/processes.ts"

/**
 * Runs this very command line again in the mount namespace of another process, on the same terminal, and ends as it
 * ends. Signals are handed on.
 */
export function inMountsOf(other: ProcessRecord): Promise<void> {
  const again = [process.execPath, ...process.execArgv, ...process.argv.slice(1)]
  const child = spawn("nsenter", ["-t", String(other.pid), "-m", "--", ...again], { stdio: "inherit" })
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, () => child.kill(signal))
  return new Promise((resolve, reject) => {
    child.on("error", reject)
    child.on("close", (code, signal) => {
      process.exitCode = code ?? (signal === null ? 1 : 143)
      resolve()
    })
  })
}
