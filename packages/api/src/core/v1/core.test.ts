import assert from "node:assert/strict"
import { test } from "node:test"
import type { corev1 } from "../../index.ts"
import { cells, create, update } from "../../testing/harness.ts"

const named = (kind: string, rest: object = {}): unknown => ({
  apiVersion: "v1",
  kind,
  metadata: { name: "x", namespace: "n" },
  ...rest,
})

test("a namespace has its finalizer, phase and name label", () => {
  const { object } = create({ apiVersion: "v1", kind: "Namespace", metadata: { name: "x" } })
  assert.deepEqual(object, {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name: "x", labels: { "kubernetes.io/metadata.name": "x" } },
    spec: { finalizers: ["kubernetes"] },
    status: { phase: "Active" },
  })
})

test("a secret's stringData becomes data", () => {
  const { object, errors } = create(named("Secret", { stringData: { a: "ä" }, data: { a: "eA==", b: "eQ==" } }))
  assert.deepEqual(errors, [])
  assert.deepEqual((object as corev1.Secret).data, { a: "w6Q=", b: "eQ==" })
  assert.equal("stringData" in object, false)
  assert.equal((object as corev1.Secret).type, "Opaque")
})

const rows: { name: string; object: unknown; errors: string[] }[] = [
  {
    name: "a TLS secret without its key",
    object: named("Secret", { type: "kubernetes.io/tls", data: { "tls.crt": "eA==" } }),
    errors: ["data[tls.key]: Required value"],
  },
  {
    name: "a docker secret that is no JSON",
    object: named("Secret", { type: "kubernetes.io/dockerconfigjson", stringData: { ".dockerconfigjson": "{" } }),
    errors: ['data[.dockerconfigjson]: Invalid value: "<secret contents redacted>": invalid JSON'],
  },
  {
    name: "a key in both parts of a config map",
    object: named("ConfigMap", { data: { a: "x" }, binaryData: { a: "eA==" } }),
    errors: ['data[a]: Invalid value: "a": duplicate of key present in binaryData'],
  },
  {
    name: "a config map that is too large",
    object: named("ConfigMap", { data: { a: "x".repeat(1024 * 1024 + 1) } }),
    errors: ["[]: Too long: may not be more than 1048576 bytes"],
  },
  {
    name: "a taint twice",
    object: named("Node", {
      spec: {
        taints: [
          { key: "a", effect: "NoSchedule" },
          { key: "a", effect: "NoSchedule", value: "b" },
        ],
      },
    }),
    errors: [
      'metadata.taints[1]: Duplicate value: {"key":"a","effect":"NoSchedule","value":"b"}: taints must be unique by key and effect pair',
    ],
  },
  {
    name: "endpoints on the loopback",
    object: named("Endpoints", { subsets: [{ addresses: [{ ip: "127.0.0.1" }], ports: [{ port: 80 }] }] }),
    errors: [
      'subsets[0].addresses[0].ip: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
    ],
  },
  {
    name: "a good slice",
    object: {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: { name: "x" },
      addressType: "IPv4",
      endpoints: [{ addresses: ["10.0.0.1"] }],
      ports: [{ port: 80 }],
    },
    errors: [],
  },
  {
    name: "a slice of the other family",
    object: {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: { name: "x" },
      addressType: "IPv6",
      endpoints: [{ addresses: ["10.0.0.1"] }],
    },
    errors: ['endpoints[0].addresses[0]: Invalid value: "10.0.0.1": must be an IPv6 address'],
  },
  {
    name: "an event elsewhere than its object",
    object: named("Event", { involvedObject: { namespace: "m" } }),
    errors: ['involvedObject.namespace: Invalid value: "m": does not match event.namespace'],
  },
  {
    name: "a lease of no time",
    object: {
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      metadata: { name: "x" },
      spec: { leaseDurationSeconds: 0 },
    },
    errors: ["spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0"],
  },
]

for (const row of rows) test(`validation: ${row.name}`, () => assert.deepEqual(create(row.object).errors, row.errors))

test("an immutable config map stays as it is", () => {
  const { errors } = update(named("ConfigMap", { immutable: true, data: { a: "1" } }), (draft: corev1.ConfigMap) => {
    draft.data = { a: "2" }
    delete draft.immutable
  })
  assert.deepEqual(errors, [
    "immutable: Forbidden: field is immutable when `immutable` is set",
    "data: Forbidden: field is immutable when `immutable` is set",
  ])
})

test("columns of a node", () => {
  const node = named("Node", {
    metadata: { name: "x", labels: { "node-role.kubernetes.io/control-plane": "" } },
    spec: { unschedulable: true },
    status: {
      conditions: [{ type: "Ready", status: "True" }],
      addresses: [{ type: "InternalIP", address: "172.30.0.11" }],
      nodeInfo: {
        kubeletVersion: "v1.36.0",
        osImage: "Debian",
        kernelVersion: "6",
        containerRuntimeVersion: "containerd",
      },
    },
  })
  const row = cells(node)
  assert.equal(row["Status"], "Ready,SchedulingDisabled")
  assert.equal(row["Roles"], "control-plane")
  assert.equal(row["Internal-IP"], "172.30.0.11")
  assert.equal(row["External-IP"], "<none>")
})

test("columns of an event", () => {
  const event = named("Event", {
    involvedObject: { kind: "Pod", name: "p" },
    lastTimestamp: "1970-01-01T00:00:00Z",
    type: "Normal",
    reason: "Started",
    message: "text",
  })
  const row = cells(event, 60_000)
  assert.equal(row["Last Seen"], "60s")
  assert.equal(row["Object"], "pod/p")
})
