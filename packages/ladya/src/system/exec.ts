import { spawn } from "node:child_process"

export interface RunOptions {
  /** Text for standard input; nothing unless told. */
  input?: string
  cwd?: string
  /** The whole environment; the process's own unless told. */
  env?: NodeJS.ProcessEnv
  /** Called with each chunk of standard output and standard error. */
  onOutput?: (chunk: string) => void
  signal?: AbortSignal
}

export interface RunResult {
  code: number
  stdout: string
  stderr: string
}

/** A command that ended with another exit code than 0, or could not be started (then `code` is 127). */
export class CommandError extends Error {
  override name = "CommandError"
  readonly code: number
  readonly stderr: string

  constructor(command: string, args: readonly string[], result: RunResult) {
    const line = [command, ...args].join(" ")
    const shown = line.length > 200 ? `${line.slice(0, 200)}…` : line
    const said = (result.stderr.trim() || result.stdout.trim()).split("\n").slice(-6).join("\n")
    super(`${shown}: exit code ${result.code}${said ? `: ${said}` : ""}`)
    this.code = result.code
    this.stderr = result.stderr
  }
}

/** Runs a command and gives its output, whatever its exit code. */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      stdio: [options.input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      ...(options.env === undefined ? {} : { env: options.env }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    })
    let stdout = ""
    let stderr = ""
    child.stdout?.setEncoding("utf8").on("data", (chunk: string) => {
      stdout += chunk
      options.onOutput?.(chunk)
    })
    child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
      stderr += chunk
      options.onOutput?.(chunk)
    })
    child.on("error", (error) => resolve({ code: 127, stdout, stderr: stderr || error.message }))
    child.on("close", (code) => resolve({ code: code ?? 128, stdout, stderr }))
    if (options.input !== undefined) {
      // The command may end without reading everything; its exit code tells.
      child.stdin?.on("error", () => undefined)
      child.stdin?.end(options.input)
    }
  })
}

/** Runs a command and gives its standard output; throws CommandError when it fails. */
export async function runOk(command: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const result = await run(command, args, options)
  if (result.code !== 0) throw new CommandError(command, args, result)
  return result.stdout
}
