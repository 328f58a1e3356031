import assert from "node:assert/strict"
import { test } from "node:test"
import { type corev1, type networkingv1, refs } from "@ladya/api"
import { isStatus } from "@ladya/apimachinery"
import { newMemoryStore } from "@ladya/store"
import { FakeClock, systemClock, waitFor } from "@ladya/util"
import { startTestServer } from "../harness.ts"
import { startSecureServer } from "../secure-server.ts"

const service = (name: string, spec: Partial<corev1.ServiceSpec> = {}): corev1.Service => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name, namespace: "default" },
  spec: { type: "NodePort", ports: [{ port: 80 }], selector: { app: name }, ...spec },
})
const place = { namespace: "default" }
/** No two of many servers' random numbers may be needed to keep Services apart: ranges with hardly any room. */
const config = { serviceCidr: "10.96.0.0/26", nodePorts: { from: 30000, to: 30061 } }

test("servers on one store give no address and no port twice", async (t) => {
  const store = newMemoryStore({ clock: systemClock })
  t.after(() => store.close())
  const servers = await Promise.all([1, 2, 3].map(() => startTestServer(t, { store, config })))
  const made = await Promise.all(
    servers.flatMap(({ client }, server) =>
      Array.from({ length: 20 }, (_, i) => client.resource(refs.services).create(service(`s${server}-${i}`))),
    ),
  )
  assert.equal(new Set(made.map(({ spec }) => spec?.clusterIP)).size, 60)
  assert.equal(new Set(made.map(({ spec }) => spec?.ports?.[0]?.nodePort)).size, 60)
  const [client] = servers.map((server) => server.client)
  const addresses = await client?.resource(refs.ipaddresses).list()
  assert.deepEqual(
    addresses?.items.map(({ metadata, spec }) => `${metadata.name} ${spec?.parentRef?.name}`).sort(),
    made.map(({ metadata, spec }) => `${spec?.clusterIP} ${metadata.name}`).sort(),
  )
})

test("one address asked for at several servers at once is given to one Service", async (t) => {
  const store = newMemoryStore({ clock: systemClock })
  t.after(() => store.close())
  const servers = await Promise.all([1, 2, 3].map(() => startTestServer(t, { store, config })))
  const ask = { clusterIP: "10.96.0.7", ports: [{ port: 80, nodePort: 30007 }] }
  const results = await Promise.allSettled(
    servers.map(({ client }, index) => client.resource(refs.services).create(service(`s${index}`, ask))),
  )
  const refusals = results.flatMap((result) => (result.status === "rejected" ? [result.reason] : []))
  assert.equal(refusals.length, 2)
  for (const error of refusals) {
    assert.ok(isStatus(error, "Invalid"))
    assert.match(error.message, /already allocated/)
  }
  // What the refused ones had claimed is free again, and what the winner has goes with it.
  const winner = results.findIndex(({ status }) => status === "fulfilled")
  const [first] = servers
  const services = first?.client.resource(refs.services)
  await services?.delete(`s${winner}`, place)
  assert.deepEqual((await first?.client.resource(refs.ipaddresses).list())?.items, [])
  const again = servers[(winner + 1) % 3]?.client.resource(refs.services)
  await waitFor(systemClock, () => again?.create(service("again", ask)), { description: "both", timeoutMs: 60_000 })
})

test("claims that a server left behind are taken away, missing ones are made", async (t) => {
  const clock = new FakeClock()
  const store = newMemoryStore({ clock })
  t.after(() => store.close())
  const { client } = await startTestServer(t, { store, clock, config })
  const addresses = client.resource(refs.ipaddresses)
  const names = async (): Promise<string[]> => (await addresses.list()).items.map(({ metadata }) => metadata.name ?? "")
  const kept = await client.resource(refs.services).create(service("kept"))
  const own = kept.spec?.clusterIP ?? ""
  const [standing] = (await addresses.list()).items as [networkingv1.IPAddress]
  await addresses.delete(own)
  const parentRef = { group: "", resource: "services", namespace: "default", name: "gone" }
  await addresses.create({
    ...{ apiVersion: "networking.k8s.io/v1", kind: "IPAddress" },
    metadata: { name: "10.96.0.50", labels: standing.metadata.labels ?? {} },
    spec: { parentRef },
  })
  // Somebody's own, for something else than a Service.
  await addresses.create({
    ...{ apiVersion: "networking.k8s.io/v1", kind: "IPAddress" },
    metadata: { name: "10.96.0.51" },
    spec: { parentRef: { group: "example.com", resource: "gateways", name: "g" } },
  })
  await store.create("/registry/ranges/servicenodeports/30050", Buffer.from("default/gone"))
  const repaired = async (): Promise<boolean> => {
    await clock.advance(10_000)
    const { kv } = await store.get("/registry/ranges/servicenodeports/30050")
    return kv === undefined && (await names()).join() === [own, "10.96.0.51"].sort().join()
  }
  await waitFor(systemClock, repaired, { description: "the claims to be as they should", timeoutMs: 60_000 })
})

test("all servers are behind the Service kubernetes, until they go", async (t) => {
  const store = newMemoryStore({ clock: systemClock })
  t.after(() => store.close())
  const one = await startSecureServer(t, store, { address: "172.30.0.1", isShared: true })
  const two = await startSecureServer(t, store, { address: "172.30.0.2", isShared: true, pki: one.pki })
  const { items } = await two.client.resource(refs.endpointslices).list(place)
  const slice = items.find(({ metadata }) => metadata.name === "kubernetes")
  assert.deepEqual(
    slice?.endpoints?.flatMap((endpoint) => endpoint.addresses),
    ["172.30.0.1", "172.30.0.2"],
  )
  const range = await two.client.resource(refs.servicecidrs).get("kubernetes")
  assert.deepEqual([range.spec?.cidrs, range.status?.conditions?.[0]?.status], [["10.96.0.0/16"], "True"])
  await one.stop()
  assert.deepEqual(
    (await store.list({ prefix: "/registry/masterleases/" })).items.map(({ value }) => value.toString()),
    ["172.30.0.2"],
  )
})
