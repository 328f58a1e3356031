import type { TestContext } from "node:test"
import type { corev1 } from "@ladya/api"
import { type Client, newClient } from "@ladya/client"
import { type ControllersConfig, newControllers } from "@ladya/controllers"
import { FakeClock, MetricsRegistry, newRandom, silentLogger } from "@ladya/util"
import { admin, makeNamespace, startTestServer } from "../harness.ts"
import { type HollowKubeletOptions, newHollowKubelet } from "../hollow-kubelet.ts"
import { RecordingTransport } from "./recording-transport.ts"

export interface TestCluster {
  clock: FakeClock
  client: Client
  /** What controllers and kubelet say to the API. */
  transport: RecordingTransport
  /** Moves time on in small steps until the condition holds; throws, with the last error, when it does not within `ms`. */
  until(description: string, condition: () => Promise<boolean>, ms?: number): Promise<void>
  /** What is written while `ms` pass. */
  writesDuring(ms: number): Promise<string[]>
}

export interface TestClusterOptions {
  only?: readonly string[]
  config?: Partial<ControllersConfig>
  kubelet?: Partial<HollowKubeletOptions>
}

/** Controllers and a hollow kubelet on a real API server and a virtual clock. */
export async function startCluster(context: TestContext, options: TestClusterOptions = {}): Promise<TestCluster> {
  const clock = new FakeClock()
  const { server, client } = await startTestServer(context, { clock })
  const transport = new RecordingTransport(server.transport(admin))
  const recorded = newClient(transport)
  await makeNamespace(client, "default")
  const controllers = newControllers({
    client: recorded,
    clock,
    log: silentLogger,
    random: newRandom(1),
    metrics: new MetricsRegistry(),
    ...(options.only ? { only: options.only } : {}),
    ...(options.config ? { config: options.config } : {}),
  })
  const kubelet = newHollowKubelet({ client: recorded, clock, log: silentLogger, bindTo: "node-1", ...options.kubelet })
  await controllers.start()
  await kubelet.start()
  context.after(async () => {
    const now = AbortSignal.abort()
    await kubelet.stop(now)
    await controllers.stop(now)
  })
  return {
    clock,
    client,
    transport,
    until: async (description, condition, ms = 600_000) => {
      const end = clock.now() + ms
      let step = 10
      for (;;) {
        if (await condition()) return
        if (clock.now() >= end) throw new Error(`${description}: not so after ${ms} ms`)
        await clock.advance(step)
        step = Math.min(step * 2, 1000)
      }
    },
    writesDuring: async (ms) => {
      const before = transport.writes.length
      await clock.advance(ms)
      return transport.writes.slice(before)
    },
  }
}

export function podTemplate(labels: Record<string, string>, image = "web:1"): corev1.PodTemplateSpec {
  return { metadata: { labels }, spec: { containers: [{ name: "web", image }] } }
}
