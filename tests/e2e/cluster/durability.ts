import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import { test } from "node:test"
import { type corev1, refs } from "@ladya/api"
import { isStatus } from "@ladya/apimachinery"
import { ConnectionError, loadKubeconfig, newClient, newHttpsTransport, newInformer } from "@ladya/client"
import { mapLimit, silentLogger, sleep, systemClock } from "@ladya/util"
import type { Cluster } from "../support/cluster.ts"

const kills = 20
const creates = 2000

/** The server is killed again and again while objects are made. */
export function durabilityTests(cluster: () => Cluster): void {
  test(`kill -9 of the server ${kills} times during ${creates} creates loses nothing`, {
    timeout: 1_200_000,
  }, async () => {
    const ns = await cluster().namespace("durability")
    const { kubeconfig } = await cluster().status()
    const transport = newHttpsTransport({
      ...loadKubeconfig(readFileSync(kubeconfig, "utf8")),
      userAgent: "ladya-e2e",
      clock: systemClock,
      log: silentLogger,
    })
    const client = newClient(transport)
    const maps = client.resource(refs.configmaps)
    const informer = newInformer<corev1.ConfigMap>({
      client,
      ref: refs.configmaps,
      namespace: ns,
      clock: systemClock,
      log: silentLogger,
    })
    const running = async (): Promise<string[]> => {
      const pods = await client.resource(refs.pods).list()
      return pods.items
        .filter((pod) => !pod.metadata.deletionTimestamp)
        .flatMap(({ metadata, status }) =>
          (status?.containerStatuses ?? [])
            .filter(({ state }) => state?.running)
            .map(({ containerID, restartCount, lastState }) => {
              const { exitCode, reason } = lastState?.terminated ?? {}
              return [metadata.namespace, metadata.name, containerID, restartCount, exitCode, reason].join(" ")
            }),
        )
        .sort()
    }
    const acknowledged = new Set<string>()
    let killed = 0
    let finished = false
    // Creates stop short of the next kill's turn, but for some that it meets in flight.
    const boundary = (): number => Math.floor(((killed + 1) * creates) / (kills + 1))
    const allowed = (index: number): boolean => killed === kills || index < boundary() + 32
    try {
      await informer.start()
      const before = await running()
      const killer = (async () => {
        while (killed < kills && !finished) {
          if (acknowledged.size < boundary()) {
            await sleep(systemClock, 5)
            continue
          }
          const server = (await cluster().status()).processes.find((entry) => /server/.test(entry.name))
          assert.ok(server, "the server is not among the processes")
          process.kill(server.pid, "SIGKILL")
          killed++
          await cluster().up(2)
        }
      })()
      const names = Array.from({ length: creates }, (_, index) => `object-${index}`)
      await Promise.all([
        killer,
        mapLimit(names, 16, async (name, index) => {
          while (!allowed(index)) await sleep(systemClock, 5)
          for (;;) {
            try {
              await maps.create({
                apiVersion: "v1",
                kind: "ConfigMap",
                metadata: { name, namespace: ns },
                data: { name },
              })
              acknowledged.add(name)
              return
            } catch (error) {
              // An earlier try was carried out, but its answer was lost with the server.
              if (isStatus(error, "AlreadyExists")) {
                acknowledged.add(name)
                return
              }
              const unavailable = isStatus(error, "ServiceUnavailable", "InternalError", "TooManyRequests", "Timeout")
              if (!(error instanceof ConnectionError) && !unavailable) throw error
              await sleep(systemClock, 100)
            }
          }
        }).finally(() => {
          finished = true
        }),
      ])
      assert.equal(killed, kills)
      const stored = new Set((await maps.list({ namespace: ns })).items.map((item) => item.metadata.name))
      const lost = [...acknowledged].filter((name) => !stored.has(name))
      assert.deepEqual(lost, [])
      await cluster().until(
        "the watch to show every object",
        async () =>
          acknowledged.size <= informer.list().filter((item) => item.metadata.name?.startsWith("object-")).length,
      )
      const now = await running()
      const changed = now.filter((text) => !before.includes(text))
      assert.deepEqual(changed, [], changed.length > 0 ? await cluster().state() : "")
      assert.deepEqual(now, before)
    } finally {
      await informer.stop(AbortSignal.timeout(30_000))
      await transport.close()
    }
  })
}
