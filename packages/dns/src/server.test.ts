import assert from "node:assert/strict"
import { Resolver } from "node:dns/promises"
import { after, before, test } from "node:test"
import type { corev1 } from "@ladya/api"
import { newRandom, silentLogger, systemClock } from "@ladya/util"
import { newForwarder } from "./forward.ts"
import { RecordIndex, recordsOf } from "./records.ts"
import { newResponder } from "./responder.ts"
import { DnsServer } from "./server.ts"

function newServer(index: RecordIndex, upstreamPort: number): DnsServer {
  const respond = newResponder({
    index,
    zone: { domain: index === upstream ? "example.org" : "cluster.local", ttl: 5 },
    forwarder: newForwarder({ upstreams: ["127.0.0.1"], port: upstreamPort, timeoutMs: 500, clock: systemClock }),
    random: newRandom(1),
    log: silentLogger,
  })
  return new DnsServer({ address: "127.0.0.1", port: 0, respond, log: silentLogger })
}

const service = (name: string, spec: corev1.ServiceSpec): corev1.Service => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name, namespace: "default" },
  spec,
})
const upstream = new RecordIndex("example.org")
const index = new RecordIndex("cluster.local")
const upstreamServer = newServer(upstream, 1)
let server: DnsServer
const resolver = new Resolver({ timeout: 2000, tries: 1 })

before(async () => {
  upstream.set(recordsOf(service("host", { clusterIP: "192.0.2.7" }), []))
  index.set(recordsOf(service("web", { clusterIP: "10.96.0.50" }), []))
  index.set(recordsOf(service("out", { type: "ExternalName", externalName: "host.default.svc.example.org" }), []))
  const addresses = Array.from({ length: 200 }, (_, i) => `10.244.3.${i + 1}`)
  index.set(
    recordsOf(service("many", { clusterIP: "None" }), [
      {
        apiVersion: "discovery.k8s.io/v1",
        kind: "EndpointSlice",
        metadata: { name: "many-1", namespace: "default" },
        addressType: "IPv4",
        endpoints: addresses.map((address) => ({ addresses: [address], conditions: { ready: true } })),
      },
    ]),
  )
  await upstreamServer.start()
  server = newServer(index, upstreamServer.port)
  await server.start()
  resolver.setServers([`127.0.0.1:${server.port}`])
})
after(async () => {
  await server.stop()
  await upstreamServer.stop()
})

test("a Service resolves over UDP", async () => {
  assert.deepEqual(await resolver.resolve4("web.default.svc.cluster.local"), ["10.96.0.50"])
})

test("a large answer is truncated on UDP and comes whole over TCP", async () => {
  assert.equal((await resolver.resolve4("many.default.svc.cluster.local")).length, 200)
})

test("foreign names are asked of the upstream server", async () => {
  assert.deepEqual(await resolver.resolve4("host.default.svc.example.org"), ["192.0.2.7"])
})

test("an ExternalName Service gives the alias and what it points to", async () => {
  assert.deepEqual(await resolver.resolve4("out.default.svc.cluster.local"), ["192.0.2.7"])
})

test("an unknown name of the zone does not exist", async () => {
  await assert.rejects(resolver.resolve4("nope.default.svc.cluster.local"), { code: "ENOTFOUND" })
})

test("garbage does not stop the server", async () => {
  const { createSocket } = await import("node:dgram")
  const socket = createSocket("udp4")
  const answered = new Promise<Buffer>((resolve) => socket.once("message", resolve))
  socket.send(Buffer.from("00112233445566778899aabbccddeeff", "hex"), server.port, "127.0.0.1")
  const answer = await answered
  socket.close()
  assert.equal(answer.readUInt16BE(2) & 0xf, 1)
  assert.deepEqual(await resolver.resolve4("web.default.svc.cluster.local"), ["10.96.0.50"])
})
