import assert from "node:assert/strict"
import { Resolver } from "node:dns/promises"
import { test } from "node:test"
import { type corev1, refs } from "@ladya/api"
import { newInformerFactory } from "@ladya/client"
import { newDns } from "@ladya/dns"
import { newRandom, silentLogger, systemClock, waitFor } from "@ladya/util"
import { startTestServer } from "./harness.ts"

async function freePort(): Promise<number> {
  const { createServer } = await import("node:net")
  const server = createServer().listen(0, "127.0.0.1")
  await new Promise<void>((resolve) => server.once("listening", resolve))
  const { port } = server.address() as { port: number }
  await new Promise<void>((resolve) => server.close(() => resolve()))
  return port
}

const service = (name: string, spec: corev1.ServiceSpec): corev1.Service => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name, namespace: "default" },
  spec,
})

test("names follow the API, and the server publishes itself behind kube-dns while it runs", async (t) => {
  const { client } = await startTestServer(t)
  for (const name of ["default", "kube-system"]) {
    await client.resource(refs.namespaces).create({ apiVersion: "v1", kind: "Namespace", metadata: { name } })
  }
  await client.resource(refs.nodes).create({ apiVersion: "v1", kind: "Node", metadata: { name: "node-1" } })
  const informers = newInformerFactory({ client, clock: systemClock, log: silentLogger })
  await informers.start()
  const port = await freePort()
  const dns = newDns({
    client,
    informers,
    clock: systemClock,
    random: newRandom(1),
    log: silentLogger,
    config: {
      nodeName: "node-1",
      nodeAddress: "172.30.0.11",
      listenAddress: "127.0.0.1",
      port,
      clusterDomain: "cluster.local",
      upstreams: [],
    },
  })
  t.after(async () => {
    await dns.stop(AbortSignal.timeout(1000))
    await informers.stop(AbortSignal.timeout(1000))
  })
  await dns.start()
  const resolver = new Resolver({ timeout: 1000, tries: 2 })
  resolver.setServers([`127.0.0.1:${port}`])
  const until = <T>(description: string, condition: () => Promise<T>) =>
    waitFor(systemClock, condition, { description, timeoutMs: 60_000, intervalMs: 10 })

  const made = await client
    .resource(refs.services)
    .create(service("web", { clusterIP: "10.96.0.50", ports: [{ port: 80, protocol: "TCP" }] }))
  const address = made.spec?.clusterIP as string
  assert.deepEqual(await until("the name", () => resolver.resolve4("web.default.svc.cluster.local")), [address])
  const slices = client.resource(refs.endpointslices)
  const slice = await until("the slice", () => slices.get("kube-dns-node-1", { namespace: "kube-system" }))
  assert.deepEqual(slice.endpoints?.[0]?.addresses, ["172.30.0.11"])
  assert.equal(slice.metadata.labels?.["kubernetes.io/service-name"], "kube-dns")
  assert.equal(slice.metadata.ownerReferences?.[0]?.name, "node-1")

  await client.resource(refs.services).delete("web", { namespace: "default" })
  await until("the name to go", async () => {
    try {
      await resolver.resolve4("web.default.svc.cluster.local")
      return false
    } catch (error) {
      return (error as { code?: string }).code === "ENOTFOUND"
    }
  })
  await dns.stop(AbortSignal.timeout(2000))
  const left = await slices.list({ namespace: "kube-system" })
  assert.deepEqual(left.items, [])
})
