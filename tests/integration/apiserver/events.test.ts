import assert from "node:assert/strict"
import { test } from "node:test"
import { type corev1, type eventsv1, refs } from "@ladya/api"
import { isStatus } from "@ladya/apimachinery"
import { newMemoryStore } from "@ladya/store"
import { FakeClock, systemClock, waitFor } from "@ladya/util"
import { makeNamespace, startTestServer } from "../harness.ts"

const place = { namespace: "default" }
const event: corev1.Event = {
  apiVersion: "v1",
  kind: "Event",
  metadata: { name: "e", ...place },
  involvedObject: { kind: "Pod", name: "p", ...place },
  reason: "Started",
  message: "it runs",
  type: "Normal",
  source: { component: "kubelet", host: "n" },
  firstTimestamp: "2024-05-06T07:08:09Z",
  lastTimestamp: "2024-05-06T07:08:09Z",
  count: 1,
}

test("events are forgotten an hour after they were last written", async (t) => {
  const clock = new FakeClock()
  const store = newMemoryStore({ clock })
  t.after(() => store.close())
  const { client } = await startTestServer(t, { clock, store })
  await makeNamespace(client, "default")
  const events = client.resource(refs.events)
  await events.create(event)
  await clock.advance(50 * 60_000)
  await events.patch("e", "merge", { count: 2 }, place)
  await clock.advance(50 * 60_000)
  assert.equal((await events.get("e", place)).count, 2)
  await clock.advance(15 * 60_000)
  const isGone = async (): Promise<boolean> =>
    events.get("e", place).then(
      () => false,
      (error) => isStatus(error, "NotFound"),
    )
  await waitFor(systemClock, isGone, { description: "the event to be forgotten", timeoutMs: 30_000, intervalMs: 10 })
})

test("both APIs show the same events, each with its own fields", async (t) => {
  const { client } = await startTestServer(t)
  await makeNamespace(client, "default")
  await client.resource(refs.events).create(event)
  const shown = await client.resource(refs.eventsv1Events).get("e", place)
  assert.deepEqual(
    [shown.regarding?.name, shown.note, shown.deprecatedSource, shown.deprecatedCount, shown.deprecatedFirstTimestamp],
    ["p", "it runs", event.source, 1, event.firstTimestamp],
  )
  const series: eventsv1.Event = {
    apiVersion: "events.k8s.io/v1",
    kind: "Event",
    metadata: { name: "s", ...place },
    eventTime: "2024-05-06T07:08:09.123456Z",
    regarding: { kind: "Pod", name: "p", ...place },
    reportingController: "example.com/c",
    reportingInstance: "c-1",
    action: "Run",
    reason: "Running",
    note: "still",
    type: "Normal",
  }
  const made = await client.resource(refs.eventsv1Events).create(series)
  await client
    .resource(refs.eventsv1Events)
    .update({ ...made, series: { count: 3, lastObservedTime: "2024-05-06T08:08:09.000001Z" } })
  const core = await client.resource(refs.events).get("s", place)
  assert.deepEqual(
    [core.reportingComponent, core.message, core.series, core.eventTime, core.involvedObject.name],
    ["example.com/c", "still", { count: 3, lastObservedTime: "2024-05-06T08:08:09.000001Z" }, made.eventTime, "p"],
  )
  const found = await client.resource(refs.events).list({ ...place, fieldSelector: "involvedObject.name=p" })
  assert.equal(found.items.length, 2)
})
