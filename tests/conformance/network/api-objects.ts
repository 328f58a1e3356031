import assert from "node:assert/strict"
import { type discoveryv1, type networkingv1, refs } from "@ladya/api"
import { expectApiOperations, expectDiscovered, expectStatusOperations } from "../support/api-operations.ts"
import { conformance } from "../support/registry.ts"
import { startWatch } from "../support/watches.ts"
import { hasCondition, selectorText, updateObject } from "../support/workloads.ts"

conformance(
  "[sig-network] EndpointSlice should support creating EndpointSlice API operations [Conformance]",
  async (t) => {
    const namespace = await t.namespace()
    await expectDiscovered(t, refs.endpointslices)
    await expectApiOperations(
      t,
      refs.endpointslices,
      (name): discoveryv1.EndpointSlice => ({
        apiVersion: "discovery.k8s.io/v1",
        kind: "EndpointSlice",
        metadata: { name, namespace },
        addressType: "IPv4",
        endpoints: [{ addresses: ["1.2.3.4", "5.6.7.8"] }],
        ports: [],
      }),
      namespace,
    )
  },
)

conformance("[sig-network] Ingress API should support creating Ingress API operations [Conformance]", async (t) => {
  const namespace = await t.namespace()
  const backend = { service: { name: "default-backend", port: { number: 80 } } }
  const make = (name: string): networkingv1.Ingress => ({
    apiVersion: "networking.k8s.io/v1",
    kind: "Ingress",
    metadata: { name, namespace },
    spec: {
      defaultBackend: backend,
      rules: [{ host: "*.example.com", http: { paths: [{ path: "/", pathType: "ImplementationSpecific", backend }] } }],
    },
  })
  await expectDiscovered(t, refs.ingresses, ["status"])
  await expectApiOperations(t, refs.ingresses, make, namespace)
  await t.client.resource(refs.ingresses).create(make("status"))
  const loadBalancer = { ingress: [{ ip: "169.1.1.1" }] }
  const shown = await expectStatusOperations(t, refs.ingresses, "status", { loadBalancer }, namespace)
  assert.equal(shown.status?.loadBalancer?.ingress?.[0]?.ip, "169.1.1.1")
})

conformance(
  "[sig-network] IngressClass API should support creating IngressClass API operations [Conformance]",
  async (t) => {
    await expectDiscovered(t, refs.ingressclasses)
    await expectApiOperations(
      t,
      refs.ingressclasses,
      (name): networkingv1.IngressClass => ({
        apiVersion: "networking.k8s.io/v1",
        kind: "IngressClass",
        metadata: { name },
        spec: { controller: "example.com/controller" },
      }),
    )
  },
)

conformance(
  "[sig-network] ServiceCIDR and IPAddress API should support IPAddress API operations [Conformance]",
  async (t) => {
    // Addresses for documentation: no Service has them.
    let next = 1
    const addresses = t.client.resource(refs.ipaddresses)
    const label = { e2e: t.unique("ip") }
    t.defer(() => addresses.deleteCollection({ labelSelector: selectorText(label) }))
    await expectDiscovered(t, refs.ipaddresses)
    const parentRef = { group: "", resource: "services", name: "foo", namespace: "bar" }
    const create = () =>
      addresses.create({
        apiVersion: "networking.k8s.io/v1",
        kind: "IPAddress",
        metadata: { name: `192.0.2.${next++}`, labels: label },
        spec: { parentRef },
      })
    const created = await create()
    await create()
    const name = created.metadata.name ?? ""
    const watch = startWatch(t, refs.ipaddresses, { labelSelector: selectorText(label) })
    const patched = await addresses.patch(name, "merge", { metadata: { annotations: { patched: "true" } } })
    assert.equal(patched.metadata.annotations?.["patched"], "true")
    await watch.next("patched", ({ type }) => type === "MODIFIED")
    await updateObject(t, refs.ipaddresses, { name }, (draft) => {
      draft.metadata.annotations = { updated: "true" }
    })
    assert.equal((await addresses.list({ labelSelector: selectorText(label) })).items.length, 2)
    await addresses.delete(name)
    await watch.next("deleted", ({ type }) => type === "DELETED")
  },
)

conformance(
  "[sig-network] ServiceCIDR and IPAddress API should support ServiceCIDR API operations [Conformance]",
  async (t) => {
    let next = 0
    const make = (name: string): networkingv1.ServiceCIDR => ({
      apiVersion: "networking.k8s.io/v1",
      kind: "ServiceCIDR",
      metadata: { name },
      // Networks for documentation.
      spec: { cidrs: [`203.0.113.${16 * next++}/28`] },
    })
    await expectDiscovered(t, refs.servicecidrs, ["status"])
    await expectApiOperations(t, refs.servicecidrs, make)
    const name = t.unique("cidr")
    t.defer(() => t.client.resource(refs.servicecidrs).delete(name))
    await t.client.resource(refs.servicecidrs).create(make(name))
    const condition = {
      ...{ type: "E2E", status: "False" as const, reason: "E2E", message: "Set from an e2e test" },
      lastTransitionTime: "2026-01-01T00:00:00Z",
    }
    const shown = await expectStatusOperations(t, refs.servicecidrs, name, { conditions: [condition] })
    assert.ok(hasCondition(shown, "E2E", "False"))
  },
)

conformance("[sig-network] Endpoints should test the lifecycle of an Endpoint [Conformance]", async (t) => {
  const namespace = await t.namespace()
  const own = { "test-endpoint-static": t.unique("endpoint") }
  const labelSelector = selectorText(own)
  const resource = t.client.resource(refs.endpoints)
  const watch = startWatch(t, refs.endpoints, { namespace, labelSelector })
  const subsets = [{ addresses: [{ ip: "10.0.0.24" }], ports: [{ name: "http", port: 80, protocol: "TCP" }] }]
  const metadata = { name: "testservice", namespace, labels: own }
  await resource.create({ apiVersion: "v1", kind: "Endpoints", metadata, subsets })
  await watch.next("added", ({ type }) => type === "ADDED")
  assert.equal((await resource.list({ labelSelector })).items.length, 1)
  await updateObject(t, refs.endpoints, { name: "testservice", namespace }, (draft) => {
    draft.metadata.labels = { ...draft.metadata.labels, "test-service": "updated" }
  })
  await watch.next("updated", ({ object }) => object.metadata.labels?.["test-service"] === "updated")
  const patch = {
    metadata: { labels: { "test-service": "patched" } },
    subsets: [{ addresses: [{ ip: "10.0.0.25" }], ports: [{ name: "http-test", port: 8080, protocol: "TCP" }] }],
  }
  await resource.patch("testservice", "strategic", patch, { namespace })
  await watch.next("patched", ({ object }) => object.metadata.labels?.["test-service"] === "patched")
  const [subset] = (await resource.get("testservice", { namespace })).subsets ?? []
  assert.equal(subset?.addresses?.[0]?.ip, "10.0.0.25")
  assert.equal(subset?.ports?.[0]?.port, 8080)
  await resource.deleteCollection({ namespace, labelSelector })
  await watch.next("deleted", ({ type }) => type === "DELETED")
})

conformance("[sig-network] Services should complete a service status lifecycle [Conformance]", async (t) => {
  const namespace = await t.namespace()
  const place = { name: "test-service", namespace }
  const own = { "test-service-static": t.unique("service") }
  const resource = t.client.resource(refs.services)
  const watch = startWatch(t, refs.services, { namespace, labelSelector: selectorText(own) })
  await resource.create({
    apiVersion: "v1",
    kind: "Service",
    metadata: { ...place, labels: own },
    spec: { type: "LoadBalancer", ports: [{ name: "http", protocol: "TCP", port: 80 }] },
  })
  await watch.next("added", ({ type }) => type === "ADDED")
  const loadBalancer = { ingress: [{ ip: "203.0.113.1" }] }
  const body = { metadata: { annotations: { patchedstatus: "true" } }, status: { loadBalancer } }
  const patched = await resource.patch(place.name, "merge", body, { namespace, subresource: "status" })
  assert.equal(patched.status?.loadBalancer?.ingress?.[0]?.ip, "203.0.113.1")
  await watch.next("the patched status", ({ object }) => object.metadata.annotations?.["patchedstatus"] === "true")
  const condition = {
    ...{ type: "StatusUpdate", status: "True" as const, reason: "E2E", message: "Set from an e2e test" },
    lastTransitionTime: "2026-01-01T00:00:00Z",
  }
  await updateObject(
    t,
    refs.services,
    place,
    (draft) => {
      draft.status = { ...draft.status, conditions: [condition] }
    },
    "status",
  )
  await watch.next("the updated status", ({ object }) => hasCondition(object, "StatusUpdate"))
  await resource.patch(place.name, "strategic", { metadata: { labels: { "test-service": "patched" } } }, { namespace })
  await watch.next("patched", ({ object }) => object.metadata.labels?.["test-service"] === "patched")
  await resource.delete(place.name, { namespace })
  await watch.next("deleted", ({ type }) => type === "DELETED")
})

conformance("[sig-network] API Server should provide secure master service [Conformance]", async (t) => {
  const { spec } = await t.client.resource(refs.services).get("kubernetes", { namespace: "default" })
  assert.ok(spec?.ports?.some(({ name, port }) => name === "https" && port === 443))
})

conformance(
  "[sig-network] API Server should have Endpoints and EndpointSlices pointing to API Server [Conformance]",
  async (t) => {
    const namespace = "default"
    const { subsets } = await t.client.resource(refs.endpoints).get("kubernetes", { namespace })
    assert.equal(subsets?.length, 1)
    assert.ok((subsets?.[0]?.addresses?.length ?? 0) > 0)
    const labelSelector = "kubernetes.io/service-name=kubernetes"
    const { items } = await t.client.resource(refs.endpointslices).list({ namespace, labelSelector })
    assert.ok(items.length > 0)
    const addresses = items.flatMap(({ endpoints }) => endpoints ?? []).flatMap((endpoint) => endpoint.addresses)
    assert.deepEqual(addresses.sort(), subsets?.[0]?.addresses?.map(({ ip }) => ip).sort())
    const ports = (list: readonly { port?: number }[] | undefined) => (list ?? []).map(({ port }) => port)
    assert.deepEqual(ports(items[0]?.ports), ports(subsets?.[0]?.ports))
  },
)
