import assert from "node:assert/strict"
import { test } from "node:test"
import type { corev1, discoveryv1 } from "@ladya/api"
import { answerQuestion, type ZoneAnswer } from "./answer.ts"
import { RecordIndex, recordsOf, reverseName } from "./records.ts"

const options = { domain: "cluster.local", ttl: 30 }

function service(name: string, spec: corev1.ServiceSpec): corev1.Service {
  return { apiVersion: "v1", kind: "Service", metadata: { name, namespace: "default" }, spec }
}

const slice: discoveryv1.EndpointSlice = {
  apiVersion: "discovery.k8s.io/v1",
  kind: "EndpointSlice",
  metadata: { name: "db-1", namespace: "default" },
  addressType: "IPv4",
  ports: [{ name: "sql", port: 5432, protocol: "TCP" }],
  endpoints: [
    { addresses: ["10.244.1.5"], hostname: "db-0", conditions: { ready: true } },
    { addresses: ["10.244.2.6"], conditions: { ready: true } },
    { addresses: ["10.244.2.7"], conditions: { ready: false } },
  ],
}

const index = new RecordIndex("cluster.local")
index.set(
  recordsOf(service("web", { clusterIP: "10.96.0.50", ports: [{ name: "http", port: 80, protocol: "TCP" }] }), []),
)
index.set(recordsOf(service("db", { clusterIP: "None", ports: [{ name: "sql", port: 5432 }] }), [slice]))
index.set(recordsOf(service("out", { type: "ExternalName", externalName: "example.org." }), []))
index.set(recordsOf(service("empty", { clusterIP: "None" }), []))

const data = (answer: ZoneAnswer): unknown[] =>
  answer.kind === "records" || answer.kind === "alias"
    ? answer.answers.map((record) => ("data" in record ? record.data : undefined))
    : [answer.kind]

const cases: { name: string; question: string; type: string; expected: unknown[] }[] = [
  { name: "cluster address", question: "web.default.svc.cluster.local", type: "A", expected: ["10.96.0.50"] },
  { name: "any case", question: "WEB.Default.svc.CLUSTER.local", type: "A", expected: ["10.96.0.50"] },
  { name: "no IPv6 address", question: "web.default.svc.cluster.local", type: "AAAA", expected: ["nodata"] },
  {
    name: "headless: ready addresses",
    question: "db.default.svc.cluster.local",
    type: "A",
    expected: ["10.244.1.5", "10.244.2.6"],
  },
  { name: "headless: by hostname", question: "db-0.db.default.svc.cluster.local", type: "A", expected: ["10.244.1.5"] },
  {
    name: "headless: by dashed address",
    question: "10-244-2-6.db.default.svc.cluster.local",
    type: "A",
    expected: ["10.244.2.6"],
  },
  {
    name: "headless without endpoints",
    question: "empty.default.svc.cluster.local",
    type: "A",
    expected: ["nxdomain"],
  },
  {
    name: "SRV of a cluster address",
    question: "_http._tcp.web.default.svc.cluster.local",
    type: "SRV",
    expected: [{ port: 80, weight: 100, priority: 0, target: "web.default.svc.cluster.local" }],
  },
  {
    name: "SRV of a headless Service",
    question: "_sql._tcp.db.default.svc.cluster.local",
    type: "SRV",
    expected: [
      { port: 5432, weight: 100, priority: 0, target: "db-0.db.default.svc.cluster.local" },
      { port: 5432, weight: 100, priority: 0, target: "10-244-2-6.db.default.svc.cluster.local" },
    ],
  },
  {
    name: "SRV of a port that is not there",
    question: "_no._tcp.web.default.svc.cluster.local",
    type: "SRV",
    expected: ["nxdomain"],
  },
  { name: "external name", question: "out.default.svc.cluster.local", type: "A", expected: ["example.org"] },
  { name: "no such Service", question: "nope.default.svc.cluster.local", type: "A", expected: ["nxdomain"] },
  { name: "a namespace is an empty name", question: "default.svc.cluster.local", type: "A", expected: ["nodata"] },
  { name: "no such namespace", question: "nope.svc.cluster.local", type: "A", expected: ["nxdomain"] },
  { name: "pod by address", question: "10-244-1-5.default.pod.cluster.local", type: "A", expected: ["10.244.1.5"] },
  { name: "not a pod address", question: "10-244-1-500.default.pod.cluster.local", type: "A", expected: ["nxdomain"] },
  { name: "version", question: "dns-version.cluster.local", type: "TXT", expected: ["1.1.0"] },
  {
    name: "reverse of a cluster address",
    question: "50.0.96.10.in-addr.arpa",
    type: "PTR",
    expected: ["web.default.svc.cluster.local"],
  },
  {
    name: "reverse of a headless endpoint",
    question: "5.1.244.10.in-addr.arpa",
    type: "PTR",
    expected: ["db-0.db.default.svc.cluster.local"],
  },
  { name: "foreign name", question: "example.org", type: "A", expected: ["foreign"] },
]

for (const { name, question, type, expected } of cases) {
  test(name, () => {
    assert.deepEqual(data(answerQuestion(question, type, index, options)), expected)
  })
}

test("a deleted Service leaves neither its name nor its reverse name", () => {
  const own = new RecordIndex("cluster.local")
  own.set(recordsOf(service("web", { clusterIP: "10.96.0.50" }), []))
  own.delete("default", "web")
  assert.equal(own.hasNamespace("default"), false)
  assert.deepEqual(own.names("50.0.96.10.in-addr.arpa"), [])
})

test("reverse names of IPv6 addresses go by nibbles", () => {
  assert.equal(reverseName("fd00::1"), "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa")
})
