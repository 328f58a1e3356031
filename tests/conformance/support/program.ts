import { spawn } from "node:child_process"
import { join } from "node:path"

/** The repository. */
export const root = join(import.meta.dirname, "../../..")

export interface Outcome {
  code: number | null
  stdout: string
  stderr: string
}

export interface RunOptions {
  input?: string
  /** The program is killed after so long; 120 s unless told. */
  timeoutMs?: number
  env?: Record<string, string>
  cwd?: string
  signal?: AbortSignal
}

/** Runs a program to its end; kills it when it takes too long or the signal aborts. */
export function runProgram(program: string, args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: options.cwd ?? root,
      env: { ...process.env, ...options.env },
      timeout: options.timeoutMs ?? 120_000,
      killSignal: "SIGKILL",
      ...(options.signal ? { signal: options.signal } : {}),
    })
    const out: Buffer[] = []
    const err: Buffer[] = []
    child.stdout.on("data", (chunk: Buffer) => out.push(chunk))
    child.stderr.on("data", (chunk: Buffer) => err.push(chunk))
    child.on("error", reject)
    child.on("close", (code) =>
      resolve({ code, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() }),
    )
    child.stdin.on("error", () => undefined)
    child.stdin.end(options.input ?? "")
  })
}
