import { refs } from "@ladya/api"
import { isStatus } from "@ladya/apimachinery"
import type { Client, HttpsTransport } from "@ladya/client"
import { sleep, systemClock, waitFor } from "@ladya/util"
import type { Environment } from "./environment.ts"
import { type HttpAnswer, type HttpRequest, httpCall } from "./http.ts"
import { type Outcome, type RunOptions, runProgram } from "./program.ts"

/** What one test works with. Everything it makes through here is removed after it. */
export interface ConformanceContext {
  /** As the administrator of the kubeconfig. */
  readonly client: Client
  readonly transport: HttpsTransport
  readonly environment: Environment
  /** Aborts when the test has run out of time. */
  readonly signal: AbortSignal
  /** A name nobody else uses: `prefix-x1y2z`. For cluster-scoped objects. */
  unique(prefix: string): string
  /** Makes a namespace of this test's own and waits for its `default` account; gives its name. */
  namespace(labels?: Record<string, string>): Promise<string>
  /** Runs after the test, last registered first; errors are reported, not thrown. */
  defer(cleanup: () => Promise<unknown>): void
  /** Any request, with the kubeconfig's credentials. An HTTP status of 400 or more is not thrown. */
  http(method: string, path: string, request?: HttpRequest): Promise<HttpAnswer>
  /** Runs the kubectl of the machine to its end, whatever its exit code is. */
  tryKubectl(args: readonly string[], options?: RunOptions): Promise<Outcome>
  /** Runs kubectl, which must succeed, and gives what it printed. */
  kubectl(args: readonly string[], options?: RunOptions): Promise<string>
  /** The helper image, made or looked up once per run. Its pods: `helperPod` of support/pods.ts. */
  image(): Promise<string>
  /** Polls until the condition holds; 60 s unless told. The error names the description. */
  until<T>(
    description: string,
    condition: () => Promise<T> | T,
    timeoutMs?: number,
  ): Promise<Exclude<T, false | null | undefined | 0 | "">>
  /** Looks again and again for so long that the condition holds: for tests that nothing happens. */
  stays(description: string, condition: () => Promise<unknown> | unknown, forMs: number): Promise<void>
}

let counter = 0

/** Makes the context of one test, and what ends it. */
export function newContext(
  environment: Environment,
  signal: AbortSignal,
): { context: ConformanceContext; cleanUp: () => Promise<string[]> } {
  const cleanups: (() => Promise<unknown>)[] = []
  const { client, transport } = environment
  const unique = (prefix: string): string => `${prefix}-${environment.runId}${(counter++).toString(36)}`
  const tryKubectl = (args: readonly string[], options: RunOptions = {}): Promise<Outcome> =>
    runProgram("kubectl", [`--kubeconfig=${environment.kubeconfig}`, ...args], { signal, ...options })

  const context: ConformanceContext = {
    ...{ client, transport, environment, signal, unique, tryKubectl },
    defer: (cleanup) => {
      cleanups.push(cleanup)
    },
    http: (method, path, request = {}) => httpCall(transport, method, path, request, signal),
    image: () => environment.image(),
    until: (description, condition, timeoutMs = 60_000) =>
      waitFor(systemClock, condition, { description, timeoutMs, intervalMs: 100, signal }),
    async stays(description, condition, forMs) {
      const end = systemClock.monotonic() + forMs
      while (systemClock.monotonic() < end) {
        if (!(await condition())) throw new Error(`it is no longer so: ${description}`)
        await sleep(systemClock, 250, signal)
      }
    },
    async namespace(labels = {}) {
      const name = unique("conformance")
      cleanups.push(() => client.resource(refs.namespaces).delete(name))
      await client.resource(refs.namespaces).create({
        apiVersion: "v1",
        kind: "Namespace",
        metadata: { name, labels: { "e2e-run": environment.runId, ...labels } },
      })
      await context.until(`the default account of ${name}`, () =>
        client.resource(refs.serviceaccounts).get("default", { namespace: name }),
      )
      return name
    },
    async kubectl(args, options) {
      const outcome = await tryKubectl(args, options)
      if (outcome.code === 0) return outcome.stdout
      throw new Error(`kubectl ${args.join(" ")} exited with ${outcome.code}:\n${outcome.stdout}\n${outcome.stderr}`)
    },
  }
  return { context, cleanUp: () => runCleanups(cleanups) }
}

async function runCleanups(cleanups: (() => Promise<unknown>)[]): Promise<string[]> {
  const problems: string[] = []
  for (const cleanup of cleanups.reverse()) {
    try {
      await cleanup()
    } catch (error) {
      if (!isStatus(error, "NotFound", "Conflict")) problems.push((error as Error).message)
    }
  }
  return problems
}
