import assert from "node:assert/strict"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type TestContext, test } from "node:test"
import { type corev1, refs } from "@ladya/api"
import { isStatus } from "@ladya/apimachinery"
import { newEtcdStore, type Store, StoreUnavailableError } from "@ladya/store"
import { newRandom, silentLogger, systemClock, waitFor } from "@ladya/util"
import {
  type EtcdCluster,
  type EtcdClusterOptions,
  etcdMissing,
  startEtcd,
} from "../../packages/store/src/testing/etcd.ts"
import { newTestPki } from "./certificates.ts"
import { readWatch, startTestServer } from "./harness.ts"

const skip = etcdMissing()
const place = { namespace: "default" }
const common = { clock: systemClock, log: silentLogger }
const path = "/api/v1/namespaces/default/configmaps"

const configMap = (name: string): corev1.ConfigMap => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace: "default" },
})

async function cluster(t: TestContext, options?: EtcdClusterOptions): Promise<EtcdCluster> {
  const etcd = await startEtcd(options)
  t.after(() => etcd.stop())
  return etcd
}

function storeOn(t: TestContext, etcd: EtcdCluster, seed: number): Store {
  const store = newEtcdStore({ ...common, endpoints: etcd.endpoints, random: newRandom(seed) })
  t.after(() => store.close())
  return store
}

test("an API server on etcd: create, list, patch, watch, delete", { skip }, async (t) => {
  const server = await startTestServer(t, { listen: true, store: storeOn(t, await cluster(t), 1) })
  const maps = server.client.resource(refs.configmaps)
  const first = await maps.create(configMap("a"))
  await maps.create(configMap("b"))
  const patched = await maps.patch("a", "merge", { data: { x: "1" } }, place)
  assert.equal(patched.metadata.uid, first.metadata.uid)
  const list = await server.http("GET", path)
  assert.deepEqual(
    list.json.items.map((item: corev1.ConfigMap) => [item.metadata.name, item.data?.["x"]]),
    [
      ["a", "1"],
      ["b", undefined],
    ],
  )
  const page = await server.http("GET", `${path}?limit=1`)
  assert.equal(page.json.metadata.remainingItemCount, 1)
  await maps.delete("b", place)
  const rest = await server.http("GET", `${path}?limit=1&continue=${page.json.metadata.continue}`)
  assert.equal(rest.json.items[0].metadata.name, "b", "a later page shows the state of the first")
  const events = await readWatch(
    server,
    `${path}?watch=1&resourceVersion=${first.metadata.resourceVersion}`,
    (seen) => seen.length === 4,
    () => void maps.create(configMap("c")),
  )
  assert.deepEqual(
    events.map(({ type, object }) => `${type} ${object.metadata.name}`),
    ["ADDED b", "MODIFIED a", "DELETED b", "ADDED c"],
  )
})

test("API servers on one etcd show each other's writes, in one order", { skip }, async (t) => {
  const etcd = await cluster(t)
  const servers = await Promise.all(
    [1, 2, 3].map((seed) => startTestServer(t, { listen: true, store: storeOn(t, etcd, seed), seed })),
  )
  const maps = servers.map((server) => server.client.resource(refs.configmaps))
  const start = await maps[0]!.create(configMap("start"))
  const count = 45
  const watches = servers.map((server) =>
    readWatch(
      server,
      `${path}?watch=1&resourceVersion=${start.metadata.resourceVersion}`,
      (seen) => seen.length === 2 * count,
    ),
  )
  await Promise.all(
    Array.from({ length: count }, async (_, i) => {
      const created = await maps[i % 3]!.create(configMap(`m${i}`))
      // What one server has acknowledged, another shows at once.
      const found = await maps[(i + 1) % 3]!.get(`m${i}`, place)
      assert.equal(found.metadata.resourceVersion, created.metadata.resourceVersion)
      await maps[(i + 2) % 3]!.patch(`m${i}`, "merge", { data: { by: String(i) } }, place)
    }),
  )
  const seen = (await Promise.all(watches)).map((events) =>
    events.map(({ type, object }) => `${type} ${object.metadata.name} ${object.metadata.resourceVersion}`),
  )
  assert.deepEqual(seen[1], seen[0])
  assert.deepEqual(seen[2], seen[0])
  const versions = seen[0]!.map((text) => Number(text.split(" ")[2]))
  assert.deepEqual(
    versions,
    [...versions].sort((a, b) => a - b),
  )
  // Of writers that raced on one object, one won each time.
  // A server gives up after some lost races and says so: then the client asks again, as it is told to.
  const write = async (i: number): Promise<void> => {
    for (;;) {
      try {
        await maps[i % 3]!.patch("start", "merge", { data: { [`k${i}`]: "x" } }, place)
        return
      } catch (error) {
        if (!isStatus(error, "Conflict")) throw error
      }
    }
  }
  await Promise.all(Array.from({ length: 12 }, (_, i) => write(i)))
  const final = (await maps[0]!.get("start", place)) as corev1.ConfigMap
  assert.equal(Object.keys(final.data ?? {}).length, 12)
})

test("etcd by TLS with client certificates", { skip }, async (t) => {
  const pki = await newTestPki()
  const directory = mkdtempSync(join(tmpdir(), "ladya-etcd-tls-"))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  const file = (name: string, text: string): string => {
    writeFileSync(join(directory, name), text, { mode: 0o600 })
    return join(directory, name)
  }
  const client = { ca: pki.ca, ...(await pki.client("etcd-client")) }
  const etcd = await cluster(t, {
    tls: {
      caFile: file("ca.pem", pki.ca),
      certFile: file("server.pem", pki.server.cert),
      keyFile: file("server.key", pki.server.key),
      client,
    },
  })
  const open = (tls: { ca: string; cert?: string; key?: string } | undefined): Store => {
    const options = { ...common, endpoints: etcd.endpoints, random: newRandom(1), unavailableAfterMs: 500 }
    const store = newEtcdStore(tls ? { ...options, tls } : options)
    t.after(() => store.close())
    return store
  }
  const store = open(client)
  assert.ok((await store.create("/a", Buffer.from("x"))).ok)
  await waitFor(systemClock, async () => (await store.get("/a")).kv, { description: "the key", timeoutMs: 60_000 })
  const stranger = await newTestPki()
  for (const tls of [undefined, { ca: pki.ca }, { ...client, ca: stranger.ca }]) {
    await assert.rejects(open(tls).get("/a"), StoreUnavailableError)
  }
})
