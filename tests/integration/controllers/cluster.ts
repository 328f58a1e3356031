import type { TestContext } from "node:test"
import type { corev1 } from "@ladya/api"
import { type Client, MemoryTransport, newClient } from "@ladya/client"
import { type ControllersConfig, newControllers } from "@ladya/controllers"
import { FakeClock, MetricsRegistry, newRandom, silentLogger } from "@ladya/util"
import { type HollowKubeletOptions, newHollowKubelet } from "../hollow-kubelet.ts"

export interface TestCluster {
  clock: FakeClock
  client: Client
  transport: MemoryTransport
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

/** Controllers and a hollow kubelet on an API in memory and a virtual clock. */
export async function startCluster(context: TestContext, options: TestClusterOptions = {}): Promise<TestCluster> {
  const clock = new FakeClock()
  const transport = new MemoryTransport(clock)
  const client = newClient(transport)
  const controllers = newControllers({
    client,
    clock,
    log: silentLogger,
    random: newRandom(1),
    metrics: new MetricsRegistry(),
    ...(options.only ? { only: options.only } : {}),
    ...(options.config ? { config: options.config } : {}),
  })
  const kubelet = newHollowKubelet({ client, clock, log: silentLogger, bindTo: "node-1", ...options.kubelet })
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
