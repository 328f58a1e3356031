import assert from "node:assert/strict"
import { existsSync, renameSync } from "node:fs"
import { join } from "node:path"
import { after, before, describe, test } from "node:test"
import type { corev1 } from "@ladya/api"
import { type EtcdCluster, etcdMissing, startEtcd } from "../../packages/store/src/testing/etcd.ts"
import { Cluster, webDeployment } from "./support/cluster.ts"

/** A cluster whose objects move from one engine to the other and back, and from a snapshot; its containers run on. */
describe("a cluster's store", { skip: etcdMissing() }, () => {
  const cluster = new Cluster("store")
  const ns = "stored"
  let etcd: EtcdCluster | undefined
  let url = ""
  before(
    async () => {
      etcd = await startEtcd()
      url = `etcd://${etcd.endpoints.join(",")}`
      await cluster.up(1)
      await cluster.namespace(ns)
      await cluster.apply(webDeployment(ns, "web", 2))
      await cluster.k(`-n ${ns} create configmap kept --from-literal=a=1`)
      await cluster.k(`-n ${ns} rollout status deployment/web --timeout=90s`)
    },
    { timeout: 300_000 },
  )
  after(
    async () => {
      await cluster.down()
      await etcd?.stop()
    },
    { timeout: 120_000 },
  )

  const ladya = async (...args: string[]): Promise<string> => {
    const outcome = await cluster.ladya(args)
    assert.equal(outcome.code, 0, `ladya ${args.join(" ")}:\n${outcome.stdout}\n${outcome.stderr}`)
    return outcome.stdout
  }
  const refused = async (...args: string[]): Promise<string> => {
    const outcome = await cluster.ladya(args)
    assert.notEqual(outcome.code, 0, `ladya ${args.join(" ")} succeeded: ${outcome.stdout}`)
    return outcome.stderr
  }
  const own = ["--name", cluster.name] as const
  const file = async (): Promise<string> => {
    const { kubeconfig } = await cluster.status()
    return join(kubeconfig, "../store/ladya.db")
  }

  /** Every container that runs, with its restarts. */
  async function containers(): Promise<string[]> {
    const { items } = JSON.parse(await cluster.k("get pods -A -o json")) as { items: corev1.Pod[] }
    return items
      .flatMap((pod) => pod.status?.containerStatuses ?? [])
      .map(({ containerID, restartCount, state }) => `${containerID} ${restartCount} ${Object.keys(state ?? {})}`)
      .sort()
  }
  const uids = async (): Promise<string> =>
    await cluster.k(`-n ${ns} get deployments,replicasets,pods,configmaps,secrets -o jsonpath={.items[*].metadata.uid}`)
  const revision = async (): Promise<number> =>
    Number(JSON.parse(await cluster.k("get --raw /api/v1/namespaces")).metadata.resourceVersion)

  /** Does it while the server is down, and starts the server on the store; all must be as it was, and work. */
  async function moved(store: string, move: () => Promise<void>): Promise<void> {
    const earlier = { containers: await containers(), uids: await uids(), revision: await revision() }
    await ladya("down", ...own, "--keep-nodes")
    await move()
    await ladya("up", ...own, "--store", store)
    assert.equal(await uids(), earlier.uids)
    assert.ok((await revision()) > earlier.revision, "revisions went back")
    await cluster.k(`-n ${ns} scale deployment/web --replicas=3`)
    await cluster.k(`-n ${ns} rollout status deployment/web --timeout=90s`)
    await cluster.k(`-n ${ns} scale deployment/web --replicas=2`)
    await cluster.until("two pods again", async () => (await containers()).length === earlier.containers.length)
    assert.deepEqual(await containers(), earlier.containers, "a container was restarted")
  }

  test("a store in use is not copied, and an empty one not started on", async () => {
    assert.match(await refused("store", "copy", ...own, "sqlite", url), /in use[\s\S]*--keep-nodes/)
    assert.match(await refused("up", ...own, "--store", url), /runs on the store sqlite[\s\S]*--keep-nodes/)
    assert.match(await refused("store", "copy", ...own, "memory", url), /a store in memory/)
  })

  test("from embedded to etcd", { timeout: 300_000 }, async () => {
    await moved(url, async () => {
      assert.match(await refused("up", ...own, "--store", url), /is empty[\s\S]*store copy/)
      assert.match(await ladya("store", "copy", ...own, "sqlite", url), /\d+ keys are in etcd:/)
      assert.match(await refused("store", "copy", ...own, "sqlite", url), /is not empty/)
    })
    assert.match(await refused("store", "copy", ...own, url, `sqlite:${cluster.directory}/x.db`), /in use/)
  })

  test("a snapshot of etcd while its server runs, and compaction", async () => {
    const path = join(cluster.directory, "snapshot")
    assert.match(await ladya("store", "snapshot", ...own, path), /keys as of revision \d+/)
    assert.match(await refused("store", "snapshot", ...own, path), /already/)
    assert.match(await ladya("store", "compact", ...own), /Compacted at revision \d+/)
    const restored = join(cluster.directory, "restored.db")
    assert.match(await ladya("store", "restore", path, "--store", `sqlite:${restored}`), /\d+ keys are in/)
    assert.ok(existsSync(restored))
    await cluster.k(`-n ${ns} create configmap after-snapshot`)
  })

  test("from etcd back to embedded", { timeout: 300_000 }, async () => {
    await moved("sqlite", async () => {
      const store = await file()
      assert.match(await refused("store", "copy", ...own, url, "sqlite"), /is not empty/)
      renameSync(join(store, ".."), join(cluster.directory, "old-store"))
      await ladya("store", "copy", ...own, url, "sqlite")
    })
    assert.equal(await cluster.k(`-n ${ns} get configmap kept -o jsonpath={.data.a}`), "1")
    await cluster.k(`-n ${ns} get configmap after-snapshot`)
  })

  test("an embedded store is compacted and restored from its snapshot", { timeout: 300_000 }, async () => {
    const path = join(cluster.directory, "snapshot-embedded")
    await moved("sqlite", async () => {
      await ladya("store", "compact", ...own)
      await ladya("store", "snapshot", ...own, path, "--store", "sqlite")
      renameSync(join(await file(), ".."), join(cluster.directory, "older-store"))
      await ladya("store", "restore", ...own, path, "--store", "sqlite")
    })
  })
})
