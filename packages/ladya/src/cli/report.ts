import { CommanderError } from "commander"
import { LadyaError } from "../errors.ts"
import { printError } from "./output.ts"

/** What a person can do about an error of the system, by its code. */
const systemHints: Readonly<Record<string, string>> = {
  EADDRINUSE: "another program has that address: see which (ss -ltnp), or choose another with --listen",
  EADDRNOTAVAIL: "this machine has no such address: see which it has (ip addr)",
  EACCES: "run it as root: sudo ./ladya …",
  EPERM: "run it as root: sudo ./ladya …",
  ENOSPC: "the disk is full: make room (df -h), and run the same again",
  EMFILE: "too many open files: raise the limit (ulimit -n)",
  EROFS: "the file system is read-only: choose another directory with LADYA_HOME or --data-dir",
  ENOTDIR: "a part of that path is a file: choose another directory",
}

/** The code of a system error, of the error itself or of what caused it. */
function systemCode(error: unknown): string | undefined {
  for (let at = error; at instanceof Error; at = at.cause) {
    const { code } = at as NodeJS.ErrnoException
    if (typeof code === "string" && /^E[A-Z]+$/.test(code)) return code
  }
  return undefined
}

/** Prints what failed, why, what to do next and where to look. Gives the exit code. */
export function report(error: unknown): number {
  // Commander has printed its own message already; help and version are no errors.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
  const code = systemCode(error)
  const ours = error instanceof LadyaError ? error : undefined
  const message = error instanceof Error ? error.message : String(error)
  const hint = ours?.hint ?? (code === undefined ? undefined : systemHints[code])
  printError(`ladya: ${ours?.step === undefined ? "" : `${ours.step}: `}${message}`)
  if (hint !== undefined) printError(`  do: ${hint}`)
  if (ours?.log !== undefined) printError(`  log: ${ours.log}`)
  // What nobody foresaw is told with all there is to know of it.
  const isUnforeseen = ours === undefined && code === undefined
  if ((isUnforeseen || process.env["LADYA_DEBUG"]) && error instanceof Error && error.stack) printError(error.stack)
  return ours?.exitCode ?? 1
}
