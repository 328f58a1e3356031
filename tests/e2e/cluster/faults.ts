import assert from "node:assert/strict"
import { before, describe, test } from "node:test"
import type { corev1 } from "@ladya/api"
import { type Cluster, webDeployment } from "../support/cluster.ts"

/** Processes that die. Each ends only what belongs to this test's own cluster. */
export function faultTests(cluster: () => Cluster): void {
  describe("faults", () => {
    const ns = "faults"
    before(async () => {
      await cluster().namespace(ns)
      await cluster().apply(webDeployment(ns, "web", 4))
      await cluster().k(`-n ${ns} rollout status deployment/web --timeout=180s`)
    })

    /** Which containers run, with how many restarts. */
    async function containers(): Promise<string[]> {
      const list = JSON.parse(await cluster().k(`-n ${ns} get pods -o json`)) as { items: corev1.Pod[] }
      return list.items
        .flatMap((pod) => pod.status?.containerStatuses ?? [])
        .map((status) => `${status.containerID} ${status.restartCount} ${status.ready}`)
        .sort()
    }

    async function kill(pattern: RegExp): Promise<void> {
      const victims = (await cluster().status()).processes.filter((entry) => pattern.test(entry.name))
      assert.ok(victims.length > 0, `no process is named ${pattern}`)
      for (const { pid } of victims) process.kill(pid, "SIGKILL")
    }

    for (const [what, pattern] of [
      ["the server", /server/],
      ["the agents", /agent/],
      ["containerd on every node", /containerd/],
    ] as const) {
      test(`${what} killed: no container ends, and up mends it`, async () => {
        const earlier = await containers()
        await kill(pattern)
        await cluster().up(2)
        await cluster().until("all pods ready as before", async () => {
          const now = await containers()
          return JSON.stringify(now) === JSON.stringify(earlier)
        })
        await cluster().k(`-n ${ns} scale deployment/web --replicas=5`)
        await cluster().k(`-n ${ns} rollout status deployment/web --timeout=180s`)
        await cluster().k(`-n ${ns} scale deployment/web --replicas=4`)
        await cluster().until("four pods again", async () => (await containers()).length === 4)
      })
    }
  })
}
