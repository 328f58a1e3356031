import assert from "node:assert/strict"
import { type ChildProcess, spawn } from "node:child_process"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { systemClock, waitFor } from "@ladya/util"

const root = join(import.meta.dirname, "../../..")

/** However slow the machine is, by then it has happened or never will. */
export const patienceMs = 180_000

export interface Outcome {
  code: number | null
  stdout: string
  stderr: string
}

export interface RunOptions {
  input?: string
  timeoutMs?: number
  env?: Record<string, string>
}

/** Runs a program to its end; kills it when it takes too long. */
export function runProgram(program: string, args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: root, env: { ...process.env, ...options.env } })
    const out: Buffer[] = []
    const err: Buffer[] = []
    child.stdout.on("data", (chunk: Buffer) => out.push(chunk))
    child.stderr.on("data", (chunk: Buffer) => err.push(chunk))
    const timer = setTimeout(() => child.kill("SIGKILL"), options.timeoutMs ?? 240_000)
    child.on("error", reject)
    child.on("close", (code) => {
      clearTimeout(timer)
      resolve({ code, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() })
    })
    child.stdin.on("error", () => undefined)
    child.stdin.end(options.input ?? "")
  })
}

/** What `ladya status -o json` says. */
export interface ClusterStatus {
  apiServer: string
  version: string
  kubeconfig: string
  processes: { name: string; pid: number; rssBytes: number; cpuSeconds: number }[]
  nodes: { name: string; ready: boolean; podCIDR: string; address: string }[]
}

/** A real cluster on this machine, driven from outside as a person does. */
export class Cluster {
  readonly name: string
  readonly directory: string
  readonly #env: Record<string, string>

  constructor(name: string) {
    this.name = name
    this.directory = mkdtempSync(join(tmpdir(), `ladya-e2e-${name}-`))
    this.#env = { KUBECONFIG: join(this.directory, "config") }
  }

  get environment(): Record<string, string> {
    return this.#env
  }

  ladya(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
    return runProgram(join(root, "ladya"), args, {
      timeoutMs: 600_000,
      ...options,
      env: { ...this.#env, ...options.env },
    })
  }

  async up(nodes: number): Promise<void> {
    const outcome = await this.ladya(["up", "--name", this.name, "--nodes", String(nodes)])
    assert.equal(outcome.code, 0, `ladya up failed:\n${outcome.stdout}\n${outcome.stderr}`)
  }

  async down(): Promise<void> {
    const outcome = await this.ladya(["down", "--name", this.name, "--purge"])
    rmSync(this.directory, { recursive: true, force: true })
    assert.equal(outcome.code, 0, `ladya down failed:\n${outcome.stdout}\n${outcome.stderr}`)
  }

  async status(): Promise<ClusterStatus> {
    const outcome = await this.ladya(["status", "--name", this.name, "-o", "json"])
    assert.equal(outcome.code, 0, outcome.stderr)
    return JSON.parse(outcome.stdout) as ClusterStatus
  }

  tryKubectl(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
    return runProgram("kubectl", args, { ...options, env: { ...this.#env, ...options.env } })
  }

  /** Runs kubectl, which must succeed, and returns what it printed. */
  async kubectl(args: readonly string[], options: RunOptions = {}): Promise<string> {
    const outcome = await this.tryKubectl(args, options)
    if (outcome.code !== 0) {
      const waited = args.some((word) => word.startsWith("--timeout"))
      const said = `kubectl ${args.join(" ")} exited with ${outcome.code}:\n${outcome.stdout}\n${outcome.stderr}`
      assert.fail(waited ? `${said}\n${await this.state()}` : said)
    }
    return outcome.stdout
  }

  /** Runs a kubectl command line that has no quoting in it. */
  k(line: string, options: RunOptions = {}): Promise<string> {
    return this.kubectl(line.split(" ").filter(Boolean), options)
  }

  /** Applies manifests given as objects. */
  apply(...objects: object[]): Promise<string> {
    const list = { apiVersion: "v1", kind: "List", items: objects }
    return this.kubectl(["apply", "-f", "-"], { input: JSON.stringify(list) })
  }

  /** A kubectl that goes on, such as `port-forward`; the caller ends it with `stop`. */
  start(args: readonly string[]): { child: ChildProcess; output: () => string; stop: () => Promise<void> } {
    const child = spawn("kubectl", args, { cwd: root, env: { ...process.env, ...this.#env } })
    let text = ""
    child.stdout.on("data", (chunk: Buffer) => {
      text += chunk.toString()
    })
    child.stderr.on("data", (chunk: Buffer) => {
      text += chunk.toString()
    })
    const closed = new Promise<void>((resolve) => child.once("close", () => resolve()))
    return {
      child,
      output: () => text,
      stop: async () => {
        child.kill("SIGKILL")
        await closed
      },
    }
  }

  /** Waits until the condition holds; the error names the description, and says how the cluster is. */
  async until<T>(description: string, condition: () => Promise<T>, timeoutMs = patienceMs) {
    try {
      return await waitFor(systemClock, condition, { description, timeoutMs, intervalMs: 200 })
    } catch (error) {
      throw new Error(`${error instanceof Error ? error.message : error}\n${await this.state()}`)
    }
  }

  /** Pods that are not well, and the latest events: for a person who cannot look at the machine. */
  async state(): Promise<string> {
    const pods = await this.tryKubectl(["get", "pods", "-A", "-o", "wide"])
    const events = await this.tryKubectl(["get", "events", "-A", "--sort-by=.metadata.creationTimestamp"])
    const unwell = pods.stdout.split("\n").filter((line) => !/ (\d+)\/\1 +Running /.test(line))
    return [...unwell, ...events.stdout.trimEnd().split("\n").slice(-12), pods.stderr.trimEnd()].join("\n")
  }

  /** Makes a namespace for one topic and returns its name. */
  async namespace(name: string): Promise<string> {
    await this.k(`create namespace ${name}`)
    // Pods need their account: kubectl create does not wait for it.
    await this.until(`the default account of ${name}`, async () => {
      return (await this.tryKubectl(["-n", name, "get", "serviceaccount", "default"])).code === 0
    })
    return name
  }
}

/** A Deployment of busybox pods that serve their own name over HTTP at port 8080. */
export function webDeployment(namespace: string, name: string, replicas: number, extra: object = {}): object {
  const labels = { app: name }
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace, labels },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: {
          terminationGracePeriodSeconds: 1,
          containers: [
            {
              name: "web",
              image: "busybox",
              imagePullPolicy: "IfNotPresent",
              command: ["sh", "-c", "mkdir /www; hostname > /www/index.html; exec httpd -f -p 8080 -h /www"],
              ports: [{ name: "http", containerPort: 8080 }],
              readinessProbe: { httpGet: { path: "/", port: "http" }, periodSeconds: 1, timeoutSeconds: 20 },
              ...extra,
            },
          ],
        },
      },
    },
  }
}

/** A Service in front of such a Deployment. */
export function webService(namespace: string, name: string, spec: object = {}): object {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace },
    spec: { selector: { app: name }, ports: [{ name: "http", port: 80, targetPort: "http" }], ...spec },
  }
}

/** A pod that sleeps, to run commands in. */
export function sleepingPod(namespace: string, name: string, spec: object = {}, container: object = {}): object {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace, labels: { app: name } },
    spec: {
      terminationGracePeriodSeconds: 1,
      containers: [
        {
          name: "main",
          image: "busybox",
          imagePullPolicy: "IfNotPresent",
          command: ["sh", "-c", "trap exit TERM; while :; do sleep 0.2; done"],
          ...container,
        },
      ],
      ...spec,
    },
  }
}
