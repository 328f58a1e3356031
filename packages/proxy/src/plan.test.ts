import assert from "node:assert/strict"
import { test } from "node:test"
import type { corev1, discoveryv1 } from "@ladya/api"
import { planService } from "./plan.ts"

const node = { name: "node-1", zone: undefined }

function service(spec: Partial<corev1.ServiceSpec> = {}): corev1.Service {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "web", namespace: "default" },
    spec: {
      clusterIP: "10.96.0.50",
      clusterIPs: ["10.96.0.50"],
      ports: [{ name: "http", port: 80, protocol: "TCP" }],
      ...spec,
    },
  }
}

function slice(endpoints: discoveryv1.Endpoint[]): discoveryv1.EndpointSlice {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: "web-1", namespace: "default" },
    addressType: "IPv4",
    ports: [{ name: "http", port: 8080, protocol: "TCP" }],
    endpoints,
  }
}

const ready = (ip: string, nodeName: string): discoveryv1.Endpoint => ({
  addresses: [ip],
  nodeName,
  conditions: { ready: true, serving: true, terminating: false },
})
const dying = (ip: string, nodeName: string): discoveryv1.Endpoint => ({
  addresses: [ip],
  nodeName,
  conditions: { ready: false, serving: true, terminating: true },
})

const cases: {
  name: string
  spec?: Partial<corev1.ServiceSpec>
  endpoints: discoveryv1.Endpoint[]
  internal: string[]
  external?: string[]
}[] = [
  {
    name: "ready endpoints of all nodes",
    endpoints: [ready("10.244.1.2", "node-1"), ready("10.244.2.2", "node-2")],
    internal: ["10.244.1.2", "10.244.2.2"],
  },
  {
    name: "terminating ones are left out while others are ready",
    endpoints: [ready("10.244.1.2", "node-1"), dying("10.244.2.2", "node-2")],
    internal: ["10.244.1.2"],
  },
  {
    name: "terminating ones serve when nothing else does",
    endpoints: [dying("10.244.2.2", "node-2")],
    internal: ["10.244.2.2"],
  },
  {
    name: "internalTrafficPolicy Local keeps cluster traffic on the node",
    spec: { internalTrafficPolicy: "Local" },
    endpoints: [ready("10.244.1.2", "node-1"), ready("10.244.2.2", "node-2")],
    internal: ["10.244.1.2"],
    external: ["10.244.1.2", "10.244.2.2"],
  },
  {
    name: "externalTrafficPolicy Local keeps outside traffic on the node",
    spec: { externalTrafficPolicy: "Local", type: "NodePort" },
    endpoints: [ready("10.244.2.2", "node-2")],
    internal: ["10.244.2.2"],
    external: [],
  },
  {
    name: "PreferSameNode asks the own node while it has a ready endpoint",
    spec: { trafficDistribution: "PreferSameNode" },
    endpoints: [ready("10.244.1.2", "node-1"), ready("10.244.2.2", "node-2")],
    internal: ["10.244.1.2"],
    external: ["10.244.1.2", "10.244.2.2"],
  },
]

for (const { name, spec, endpoints, internal, external } of cases) {
  test(name, () => {
    const [plan] = planService(service(spec), [slice(endpoints)], node)
    assert.deepEqual(
      plan?.internal.map((target) => target.ip),
      internal,
    )
    assert.deepEqual(
      plan?.external.map((target) => target.ip),
      external ?? internal,
    )
  })
}

test("headless and ExternalName Services need nothing", () => {
  assert.deepEqual(planService(service({ clusterIP: "None", clusterIPs: ["None"] }), [], node), [])
  assert.deepEqual(planService(service({ type: "ExternalName", clusterIP: "" }), [], node), [])
})
