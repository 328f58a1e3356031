import assert from "node:assert/strict"
import { test } from "node:test"
import { type appsv1, refs } from "@ladya/api"
import { controllerOf, findCondition, newStatusError } from "@ladya/apimachinery"
import { podTemplate, startCluster } from "./cluster.ts"

const inDefault = { namespace: "default" }

function replicaSet(replicas: number): appsv1.ReplicaSet {
  return {
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: { namespace: "default", name: "web" },
    spec: { replicas, selector: { matchLabels: { app: "web" } }, template: podTemplate({ app: "web" }) },
  }
}

test("a ReplicaSet takes up matching orphans, lets go of what no longer matches, and fills up", async (context) => {
  const { client, until, clock, writesDuring } = await startCluster(context, { only: ["replicaset"] })
  const pods = client.resource(refs.pods)
  const orphan = await pods.create({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { namespace: "default", name: "orphan", labels: { app: "web" } },
    spec: podTemplate({}).spec ?? { containers: [] },
  })
  await client.resource(refs.replicasets).create(replicaSet(3))
  await until("three ready", async () => {
    const { status } = await client.resource(refs.replicasets).get("web", inDefault)
    return status?.readyReplicas === 3 && status.availableReplicas === 3 && status.fullyLabeledReplicas === 3
  })
  assert.equal((await pods.list(inDefault)).items.length, 3)
  assert.equal(controllerOf(await pods.get("orphan", inDefault))?.name, "web")
  await pods.patch("orphan", "merge", { metadata: { labels: { app: "other" } } }, inDefault)
  await until("a replacement", async () => (await pods.list({ labelSelector: "app=web" })).items.length === 3)
  const released = await pods.get("orphan", inDefault)
  assert.equal(controllerOf(released), undefined)
  assert.equal(released.metadata.uid, orphan.metadata.uid)
  await clock.advance(1000)
  assert.deepEqual(await writesDuring(3_600_000), [])
})

test("pods are never created twice, however late the cache is", async (context) => {
  const { client, until, transport } = await startCluster(context, { only: ["replicaset"] })
  await client.resource(refs.replicasets).create(replicaSet(50))
  await until("fifty pods", async () => (await client.resource(refs.pods).list(inDefault)).items.length === 50)
  await client.resource(refs.replicasets).patch("web", "merge", { spec: { replicas: 7 } }, inDefault)
  await until("seven pods", async () => (await client.resource(refs.pods).list(inDefault)).items.length === 7)
  assert.equal(transport.writes.filter((write) => write.startsWith("create pods ")).length, 50)
  const deletions = transport.calls.filter(
    (call) =>
      call.verb === "delete" && call.target.resource === "pods" && call.parameters.gracePeriodSeconds === undefined,
  )
  assert.equal(deletions.length, 43)
})

test("refused pods are a condition and an event; few are tried, and it recovers without help", async (context) => {
  const { client, until, transport } = await startCluster(context, { only: ["replicaset"] })
  const refuse = (): never => {
    throw newStatusError("Forbidden", 'pods "web-x" is forbidden: exceeded quota: q')
  }
  transport.intercept = (call) => {
    if (call.verb === "create" && call.target.resource === "pods") refuse()
  }
  await client.resource(refs.replicasets).create(replicaSet(100))
  await until("the condition", async () => {
    const { status } = await client.resource(refs.replicasets).get("web", inDefault)
    const failure = findCondition(status?.conditions, "ReplicaFailure")
    return failure?.reason === "FailedCreate" && failure.message?.includes("exceeded quota") === true
  })
  const events = (await client.resource(refs.events).list(inDefault)).items
  assert.equal(events[0]?.message, 'Error creating: pods "web-x" is forbidden: exceeded quota: q')
  assert.ok(transport.writes.filter((write) => write.startsWith("create pods ")).length < 20)
  transport.intercept = undefined
  await until("recovery", async () => {
    const { status } = await client.resource(refs.replicasets).get("web", inDefault)
    return status?.readyReplicas === 100 && !findCondition(status.conditions, "ReplicaFailure")
  })
})
