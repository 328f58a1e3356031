import assert from "node:assert/strict"
import { type corev1, type eventsv1, refs } from "@ladya/api"
import type { metav1 } from "@ladya/apimachinery"
import { conformance } from "../support/registry.ts"

const someTime = "2017-09-19T13:49:16.000000Z"
const events = refs.eventsv1Events

const seriesEvent = (namespace: string, name: string, label: string): eventsv1.Event => ({
  apiVersion: "events.k8s.io/v1",
  kind: "Event",
  metadata: { namespace, name, labels: { [label]: "true" } },
  regarding: { namespace },
  eventTime: someTime,
  note: `This is ${name}`,
  action: "Do",
  reason: "Test",
  type: "Normal",
  reportingController: "test-controller",
  reportingInstance: "test-node",
})

/** What the server writes itself is left out. */
function withoutServerFields<T extends { metadata: metav1.ObjectMeta }>(object: T): T {
  const { resourceVersion: _, managedFields: __, ...metadata } = object.metadata
  return { ...object, metadata }
}

conformance(
  "[sig-instrumentation] Events API should ensure that an event can be fetched, patched, deleted, and listed [Conformance]",
  async (t) => {
    const namespace = await t.namespace()
    const resource = t.client.resource(events)
    const name = "event-test"
    await resource.create(seriesEvent(namespace, name, "testevent-constant"))
    const isListed = async (scope: { namespace?: string }): Promise<boolean> => {
      const { items } = await resource.list({ ...scope, labelSelector: "testevent-constant=true" })
      return items.some(({ metadata }) => metadata.name === name && metadata.namespace === namespace)
    }
    assert.ok(await isListed({}))
    assert.ok(await isListed({ namespace }))
    const bySource = await t.client.resource(refs.events).list({ namespace, fieldSelector: "source=test-controller" })
    assert.deepEqual(
      bySource.items.map(({ metadata }) => metadata.name),
      [name],
    )
    const byController = await resource.list({ namespace, fieldSelector: "reportingController=test-controller" })
    assert.deepEqual(
      byController.items.map(({ metadata }) => metadata.name),
      [name],
    )

    const before = await resource.get(name, { namespace })
    await resource.patch(name, "strategic", { note: "This is a test event - patched" }, { namespace })
    const patched = { ...before, note: "This is a test event - patched" }
    assert.deepEqual(withoutServerFields(await resource.get(name, { namespace })), withoutServerFields(patched))
    // Without a version: whatever stands there is replaced.
    const { resourceVersion: _, ...metadata } = patched.metadata
    const updated = { ...patched, metadata, series: { count: 100, lastObservedTime: someTime } }
    await resource.update(updated)
    assert.deepEqual(withoutServerFields(await resource.get(name, { namespace })), withoutServerFields(updated))
    await resource.delete(name, { namespace })
    assert.equal(await isListed({}), false)
    assert.equal(await isListed({ namespace }), false)
  },
)

conformance("[sig-instrumentation] Events API should delete a collection of events [Conformance]", async (t) => {
  const namespace = await t.namespace()
  const resource = t.client.resource(events)
  const selection = { namespace, labelSelector: "testevent-set=true" }
  for (const number of [1, 2, 3]) await resource.create(seriesEvent(namespace, `test-event-${number}`, "testevent-set"))
  assert.equal((await resource.list(selection)).items.length, 3)
  await resource.deleteCollection(selection)
  assert.equal((await resource.list(selection)).items.length, 0)
})

const coreEvent = (namespace: string, name: string, label: string): corev1.Event => ({
  apiVersion: "v1",
  kind: "Event",
  metadata: { namespace, name, labels: { [label]: "true" } },
  message: `This is ${name}`,
  reason: "Test",
  type: "Normal",
  count: 1,
  involvedObject: { namespace },
})

conformance("[sig-instrumentation] Events should manage the lifecycle of an event [Conformance]", async (t) => {
  const namespace = await t.namespace()
  const resource = t.client.resource(refs.events)
  const label = t.unique("testevent-constant")
  const name = "event-test"
  await resource.create(coreEvent(namespace, name, label))
  const listed = async () => (await resource.list({ labelSelector: `${label}=true` })).items
  const found = await listed()
  assert.equal(found.length, 1)
  assert.equal(found[0]?.metadata.namespace, namespace)
  const message = "This is a test event - patched"
  await resource.patch(name, "strategic", { message }, { namespace })
  const patched = await resource.get(name, { namespace })
  assert.equal(patched.message, message)
  const series = { count: 100, lastObservedTime: someTime }
  await resource.update({ ...patched, series })
  assert.deepEqual((await resource.get(name, { namespace })).series, series)
  await resource.delete(name, { namespace })
  assert.deepEqual(await listed(), [])
})

conformance("[sig-instrumentation] Events should delete a collection of events [Conformance]", async (t) => {
  const namespace = await t.namespace()
  const resource = t.client.resource(refs.events)
  const selection = { namespace, labelSelector: "testevent-set=true" }
  for (const number of [1, 2, 3]) await resource.create(coreEvent(namespace, `test-event-${number}`, "testevent-set"))
  assert.equal((await resource.list(selection)).items.length, 3)
  await resource.deleteCollection(selection)
  assert.equal((await resource.list(selection)).items.length, 0)
})
