import assert from "node:assert/strict"
import { type coordinationv1, type corev1, type nodev1, refs } from "@ladya/api"
import { isStatus } from "@ladya/apimachinery"
import { expectApiOperations, expectDiscovered } from "../support/api-operations.ts"
import { sleepingPod } from "../support/pods.ts"
import { conformance } from "../support/registry.ts"
import { startWatch } from "../support/watches.ts"
import { selectorText, updateObject } from "../support/workloads.ts"

conformance("[sig-node] Lease lease API should be available [Conformance]", async (t) => {
  const namespace = await t.namespace()
  const spec = {
    holderIdentity: "holder",
    leaseDurationSeconds: 30,
    acquireTime: "2026-01-01T00:00:00.000000Z",
    renewTime: "2026-01-01T00:00:05.000000Z",
    leaseTransitions: 0,
  }
  const make = (name: string): coordinationv1.Lease => ({
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: { name, namespace },
    spec,
  })
  await expectDiscovered(t, refs.leases)
  await expectApiOperations(t, refs.leases, make, namespace)
  const leases = t.client.resource(refs.leases)
  await leases.create(make("lease"))
  assert.deepEqual((await leases.get("lease", { namespace })).spec, spec)
  const next = { ...spec, holderIdentity: "other", leaseTransitions: 1 }
  await updateObject(t, refs.leases, { name: "lease", namespace }, (draft) => {
    draft.spec = next
  })
  assert.deepEqual((await leases.get("lease", { namespace })).spec, next)
  await leases.patch("lease", "strategic", { spec: { leaseDurationSeconds: 60 } }, { namespace })
  assert.deepEqual((await leases.get("lease", { namespace })).spec, { ...next, leaseDurationSeconds: 60 })
})

const podTemplate = (namespace: string, name: string, labels: Record<string, string>): corev1.PodTemplate => ({
  apiVersion: "v1",
  kind: "PodTemplate",
  metadata: { name, namespace, labels },
  template: { metadata: {}, spec: { containers: [{ name: "nginx", image: "nginx" }] } },
})

conformance("[sig-node] PodTemplates should run the lifecycle of PodTemplates [Conformance]", async (t) => {
  const namespace = await t.namespace()
  const own = { "podtemplate-static": t.unique("template") }
  const labelSelector = selectorText(own)
  const resource = t.client.resource(refs.podtemplates)
  await resource.create(podTemplate(namespace, "template", own))
  assert.equal((await resource.list({ labelSelector })).items.length, 1)
  await resource.patch("template", "strategic", { metadata: { labels: { podtemplate: "patched" } } }, { namespace })
  const patched = await resource.get("template", { namespace })
  assert.equal(patched.metadata.labels?.["podtemplate"], "patched")
  await resource.delete("template", { namespace })
  assert.equal((await resource.list({ labelSelector })).items.length, 0)
})

conformance("[sig-node] PodTemplates should delete a collection of pod templates [Conformance]", async (t) => {
  const namespace = await t.namespace()
  const resource = t.client.resource(refs.podtemplates)
  const selection = { namespace, labelSelector: "podtemplate-set=true" }
  for (const number of [1, 2, 3]) {
    await resource.create(podTemplate(namespace, `test-podtemplate-${number}`, { "podtemplate-set": "true" }))
  }
  assert.equal((await resource.list(selection)).items.length, 3)
  await resource.deleteCollection(selection)
  assert.equal((await resource.list(selection)).items.length, 0)
})

conformance("[sig-node] PodTemplates should replace a pod template [Conformance]", async (t) => {
  const namespace = await t.namespace()
  await t.client.resource(refs.podtemplates).create(podTemplate(namespace, "template", {}))
  const updated = await updateObject(t, refs.podtemplates, { name: "template", namespace }, (draft) => {
    draft.metadata.annotations = { updated: "true" }
    draft.template = { ...draft.template, metadata: { labels: { podtemplate: "replaced" } } }
  })
  assert.equal(updated.metadata.annotations?.["updated"], "true")
  assert.equal(updated.template?.metadata?.labels?.["podtemplate"], "replaced")
})

const runtimeClass = (name: string): nodev1.RuntimeClass => ({
  apiVersion: "node.k8s.io/v1",
  kind: "RuntimeClass",
  metadata: { name },
  handler: "e2e-fake-handler",
})

conformance("[sig-node] RuntimeClass should support RuntimeClasses API operations [Conformance]", async (t) => {
  await expectDiscovered(t, refs.runtimeclasses)
  await expectApiOperations(t, refs.runtimeclasses, runtimeClass)
})

conformance(
  "[sig-node] RuntimeClass should reject a Pod requesting a non-existent RuntimeClass [NodeConformance] [Conformance]",
  async (t) => {
    const namespace = await t.namespace()
    const pod = sleepingPod(namespace, "pod", { runtimeClassName: t.unique("nonexistent") })
    await assert.rejects(t.client.resource(refs.pods).create(pod), (error) => isStatus(error, "Forbidden"))
  },
)

conformance(
  "[sig-node] RuntimeClass should reject a Pod requesting a deleted RuntimeClass [NodeConformance] [Conformance]",
  async (t) => {
    const namespace = await t.namespace()
    const name = t.unique("deleted")
    await t.client.resource(refs.runtimeclasses).create(runtimeClass(name))
    await t.client.resource(refs.runtimeclasses).delete(name)
    // Servers learn of it in their own time.
    await t.until("pods of it to be refused", async () => {
      const pod = sleepingPod(namespace, t.unique("pod"), { runtimeClassName: name })
      try {
        await t.client.resource(refs.pods).create(pod)
        return false
      } catch (error) {
        return isStatus(error, "Forbidden")
      }
    })
  },
)

conformance("[sig-node] ConfigMap should run through a ConfigMap lifecycle [Conformance]", async (t) => {
  const namespace = await t.namespace()
  const own = { "test-configmap-static": t.unique("map") }
  const labelSelector = selectorText(own)
  const resource = t.client.resource(refs.configmaps)
  const watch = startWatch(t, refs.configmaps, { namespace, labelSelector })
  const data = { valueName: "value" }
  await resource.create({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "test-configmap", namespace, labels: own },
    data,
  })
  await watch.next("added", ({ type }) => type === "ADDED")
  const patch = { metadata: { labels: { "test-configmap": "patched" } }, data: { valueName: "value1" } }
  await resource.patch("test-configmap", "strategic", patch, { namespace })
  await watch.next("patched", ({ object }) => object.metadata.labels?.["test-configmap"] === "patched")
  assert.equal((await resource.get("test-configmap", { namespace })).data?.["valueName"], "value1")
  assert.equal((await resource.list({ labelSelector })).items.length, 1)
  await resource.deleteCollection({ namespace, labelSelector })
  await watch.next("deleted", ({ type }) => type === "DELETED")
  assert.equal((await resource.list({ namespace, labelSelector })).items.length, 0)
})

conformance("[sig-node] ConfigMap should update ConfigMap successfully [NodeConformance] [Conformance]", async (t) => {
  const namespace = await t.namespace()
  const resource = t.client.resource(refs.configmaps)
  const metadata = { name: "map", namespace }
  const created = await resource.create({ apiVersion: "v1", kind: "ConfigMap", metadata, data: {} })
  await resource.update({ ...created, data: { data: "value" } })
  assert.deepEqual((await resource.get("map", { namespace })).data, { data: "value" })
})

conformance("[sig-node] ConfigMap should fail to create ConfigMap with empty key [Conformance]", async (t) => {
  const metadata = { name: "map", namespace: await t.namespace() }
  const create = t.client
    .resource(refs.configmaps)
    .create({ apiVersion: "v1", kind: "ConfigMap", metadata, data: { "": "value" } })
  await assert.rejects(create, (error) => isStatus(error, "Invalid"))
})

conformance("[sig-node] Secrets should fail to create secret due to empty secret key [Conformance]", async (t) => {
  const metadata = { name: "secret", namespace: await t.namespace() }
  const create = t.client
    .resource(refs.secrets)
    .create({ apiVersion: "v1", kind: "Secret", metadata, data: { "": "dmFsdWU=" } })
  await assert.rejects(create, (error) => isStatus(error, "Invalid"))
})

conformance("[sig-node] Secrets should patch a secret [Conformance]", async (t) => {
  const namespace = await t.namespace()
  const own = { testsecret: t.unique("secret") }
  const labelSelector = selectorText(own)
  const resource = t.client.resource(refs.secrets)
  const metadata = { name: "test-secret", namespace, labels: own }
  await resource.create({ apiVersion: "v1", kind: "Secret", metadata, type: "Opaque", data: { key: "dmFsdWU=" } })
  assert.equal((await resource.list({ labelSelector })).items.length, 1)
  const patch = { metadata: { labels: { patched: "true" } }, data: { key: "dmFsdWUx" } }
  await resource.patch("test-secret", "strategic", patch, { namespace })
  const [found] = (await resource.list({ labelSelector })).items
  assert.equal(found?.metadata.labels?.["patched"], "true")
  assert.equal(found?.data?.["key"], "dmFsdWUx")
  await resource.deleteCollection({ namespace, labelSelector })
  assert.equal((await resource.list({ labelSelector })).items.length, 0)
})
