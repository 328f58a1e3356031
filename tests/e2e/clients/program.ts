import assert from "node:assert/strict"
import { type ChildProcess, spawn } from "node:child_process"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { type Cluster, type Outcome, type RunOptions, runProgram } from "../support/cluster.ts"

/** One client program in one namespace of a cluster, with files and caches of its own. */
export class ClientProgram {
  readonly cluster: Cluster
  readonly namespace: string
  /** A directory of its own, gone with the cluster. */
  readonly directory: string
  readonly #path: string
  readonly #env: Record<string, string>

  constructor(cluster: Cluster, path: string, namespace: string) {
    this.cluster = cluster
    this.#path = path
    this.namespace = namespace
    this.directory = join(cluster.directory, namespace)
    mkdirSync(this.directory, { recursive: true })
    this.#env = { ...cluster.environment, HOME: this.directory, KUBECACHEDIR: join(this.directory, "cache") }
  }

  /** Runs it to its end, whatever the end is. */
  try(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
    return runProgram(this.#path, ["--namespace", this.namespace, ...args], {
      timeoutMs: 120_000,
      ...options,
      env: { ...this.#env, ...options.env },
    })
  }

  /** Runs it with arguments; it must succeed. Gives what it printed. */
  async run(args: readonly string[], options: RunOptions = {}): Promise<string> {
    const outcome = await this.try(args, options)
    assert.equal(outcome.code, 0, `${args.join(" ")}: exit code ${outcome.code}:\n${outcome.stdout}\n${outcome.stderr}`)
    return outcome.stdout
  }

  /** Runs a command line that has no quoting in it; it must succeed. */
  line(line: string, options: RunOptions = {}): Promise<string> {
    return this.run(line.split(" ").filter(Boolean), options)
  }

  /** Runs it; it must fail. Gives what it printed on both outputs. */
  async fails(line: string, options: RunOptions = {}): Promise<string> {
    const outcome = await this.try(line.split(" ").filter(Boolean), options)
    assert.notEqual(outcome.code, 0, `${line} succeeded:\n${outcome.stdout}`)
    return outcome.stdout + outcome.stderr
  }

  /** Writes a file into its directory, as JSON when it is no text. Gives the path. */
  file(name: string, content: string | object, mode = 0o644): string {
    const path = join(this.directory, name)
    mkdirSync(join(path, ".."), { recursive: true })
    writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content), { mode })
    return path
  }

  /** Starts what goes on by itself, such as a port-forward, hands over what it says, and ends it. */
  async during<T>(line: string, use: (said: () => string, child: ChildProcess) => Promise<T>): Promise<T> {
    const args = ["--namespace", this.namespace, ...line.split(" ").filter(Boolean)]
    const child = spawn(this.#path, args, { cwd: this.directory, env: { ...process.env, ...this.#env } })
    let text = ""
    const hear = (chunk: Buffer): void => {
      text += chunk
    }
    child.stdout.on("data", hear)
    child.stderr.on("data", hear)
    child.stdin.on("error", () => undefined)
    const closed = new Promise<void>((resolve) => child.once("close", () => resolve()))
    try {
      return await use(() => text, child)
    } finally {
      child.kill("SIGKILL")
      await closed
    }
  }

  /** Waits until what a started program says matches. */
  hears(said: () => string, pattern: RegExp): Promise<RegExpExecArray> {
    return this.cluster.until(`${pattern} in the output`, async () => pattern.exec(said()))
  }
}
