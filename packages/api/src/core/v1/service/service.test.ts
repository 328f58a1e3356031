import assert from "node:assert/strict"
import { test } from "node:test"
import type { corev1 } from "../../../index.ts"
import { cells, create, update } from "../../../testing/harness.ts"
import { serviceAllocations } from "./strategy.ts"
import { validateServiceName } from "./validation.ts"
import { serviceWarnings } from "./warnings.ts"

function newService(spec: corev1.ServiceSpec): corev1.Service {
  return { apiVersion: "v1", kind: "Service", metadata: { name: "s", namespace: "n" }, spec }
}

const web: corev1.ServicePort[] = [{ port: 80 }]

test("defaults, families and what is to be allocated", () => {
  const { object, errors } = create(newService({ ports: web, type: "NodePort", selector: { a: "b" } }))
  assert.deepEqual(errors, [])
  const spec = (object as corev1.Service).spec ?? {}
  assert.deepEqual(spec.ports, [{ port: 80, protocol: "TCP", targetPort: 80 }])
  assert.equal(spec.sessionAffinity, "None")
  assert.equal(spec.externalTrafficPolicy, "Cluster")
  assert.deepEqual(spec.ipFamilies, ["IPv4"])
  assert.equal(spec.ipFamilyPolicy, "SingleStack")
  assert.deepEqual(serviceAllocations(spec), {
    clusterIPFamilies: ["IPv4"],
    nodePorts: [0],
    healthCheckNodePort: false,
  })
})

const rows: { name: string; spec: corev1.ServiceSpec; errors: string[] }[] = [
  { name: "no ports", spec: {}, errors: ["spec.ports: Required value"] },
  { name: "headless needs none", spec: { clusterIP: "None" }, errors: [] },
  {
    name: "several ports need names",
    spec: { ports: [{ port: 80 }, { port: 80 }] },
    errors: [
      "spec.ports[0].name: Required value",
      "spec.ports[1].name: Required value",
      'spec.ports[1]: Duplicate value: {"protocol":"TCP","port":80}',
    ],
  },
  {
    name: "a bad address",
    spec: { ports: web, clusterIP: "10.0.0.256" },
    errors: [
      'spec.clusterIPs[0]: Invalid value: "10.0.0.256": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
    ],
  },
  {
    name: "a node port of a cluster address",
    spec: { ports: [{ port: 80, nodePort: 30000 }] },
    errors: ["spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"],
  },
  { name: "an external name", spec: { type: "ExternalName", externalName: "example.com." }, errors: [] },
  {
    name: "an unknown type",
    spec: { ports: web, type: "Magic" },
    errors: [
      'spec.type: Unsupported value: "Magic": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"',
    ],
  },
]

for (const row of rows) {
  test(`validation: ${row.name}`, () => assert.deepEqual(create(newService(row.spec)).errors, row.errors))
}

const stored: corev1.Service = newService({
  type: "NodePort",
  clusterIP: "10.96.0.5",
  clusterIPs: ["10.96.0.5"],
  ipFamilies: ["IPv4"],
  ipFamilyPolicy: "SingleStack",
  sessionAffinity: "None",
  internalTrafficPolicy: "Cluster",
  externalTrafficPolicy: "Cluster",
  ports: [{ port: 80, protocol: "TCP", targetPort: 80, nodePort: 30080 }],
})

test("an update that leaves out what was allocated keeps it", () => {
  const { object, errors } = update(stored, (draft: corev1.Service) => {
    draft.spec = { type: "NodePort", ports: [{ port: 81 }], selector: { a: "b" } }
  })
  assert.deepEqual(errors, [])
  const spec = (object as corev1.Service).spec
  assert.deepEqual(spec?.clusterIPs, ["10.96.0.5"])
  assert.equal(spec?.ports?.[0]?.nodePort, 30080)
})

test("the address cannot change", () => {
  const { errors } = update(stored, (draft: corev1.Service) => {
    if (draft.spec) draft.spec.clusterIP = "10.96.0.6"
  })
  assert.deepEqual(errors, ['spec.clusterIPs[0]: Invalid value: ["10.96.0.6"]: may not change once set'])
})

test("a type without node ports drops them", () => {
  const { object, errors } = update(stored, (draft: corev1.Service) => {
    if (draft.spec) draft.spec.type = "ClusterIP"
  })
  assert.deepEqual(errors, [])
  assert.equal((object as corev1.Service).spec?.ports?.[0]?.nodePort, undefined)
  assert.equal((object as corev1.Service).spec?.externalTrafficPolicy, undefined)
})

test("columns", () => {
  assert.deepEqual(cells(stored), {
    Name: "s",
    Type: "NodePort",
    "Cluster-IP": "10.96.0.5",
    "External-IP": "<none>",
    "Port(s)": "80:30080/TCP",
    Age: "<unknown>",
    Selector: "<none>",
  })
})

test("names may start with a digit", () => {
  assert.deepEqual(validateServiceName("1st-service"), [])
  assert.match(validateServiceName("A")[0] ?? "", /^a lowercase RFC 1123 label must consist/)
  assert.deepEqual(validateServiceName("a.b"), ["must not contain dots"])
})

test("warnings name what has no effect", () => {
  assert.deepEqual(serviceWarnings(newService({ type: "ClusterIP", clusterIP: "None", sessionAffinity: "ClientIP" })), [
    "spec.SessionAffinity is ignored for headless services",
  ])
  assert.deepEqual(
    serviceWarnings(newService({ type: "ClusterIP", externalName: "a.b", trafficDistribution: "PreferClose" })),
    [
      'spec.externalName is ignored when spec.type is not "ExternalName"',
      'spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"',
    ],
  )
})

test("a source range that was taken once stays good", () => {
  const ranged = structuredClone(stored)
  Object.assign(ranged.spec as object, { type: "LoadBalancer", loadBalancerSourceRanges: ["10.0.0.5/8"] })
  assert.deepEqual(update(ranged, () => undefined).errors, [])
  const { errors } = update(ranged, (draft: corev1.Service) =>
    draft.spec?.loadBalancerSourceRanges?.push("10.1.1.1/16"),
  )
  assert.deepEqual(errors, [
    'spec.LoadBalancerSourceRanges[1]: Invalid value: "10.1.1.1/16": must not have bits set beyond the prefix length',
  ])
})
