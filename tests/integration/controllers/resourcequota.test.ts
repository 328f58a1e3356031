import assert from "node:assert/strict"
import { test } from "node:test"
import { refs } from "@ladya/api"
import { podTemplate, startCluster } from "./cluster.ts"

const inDefault = { namespace: "default" }

test("a quota shows what is used, as it comes and goes, and rests", async (context) => {
  const { client, until, clock, writesDuring } = await startCluster(context, { only: ["resourcequota"] })
  const hard = { pods: "10", "requests.cpu": "1", "count/deployments.apps": "5", configmaps: "3" }
  await client.resource(refs.resourcequotas).create({
    apiVersion: "v1",
    kind: "ResourceQuota",
    metadata: { namespace: "default", name: "q" },
    spec: { hard },
  })
  const used = async (): Promise<Record<string, string>> =>
    (await client.resource(refs.resourcequotas).get("q", inDefault)).status?.used ?? {}
  await until("zeroes", async () => (await used())["pods"] === "0")
  const template = podTemplate({})
  for (const container of template.spec?.containers ?? []) container.resources = { requests: { cpu: "250m" } }
  for (const name of ["a", "b"]) {
    await client.resource(refs.pods).create({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { namespace: "default", name },
      spec: template.spec ?? { containers: [] },
    })
  }
  await client.resource(refs.configmaps).create({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { namespace: "default", name: "c" },
  })
  await until("the pods to count", async () => (await used())["requests.cpu"] === "500m")
  assert.deepEqual(await used(), { pods: "2", "requests.cpu": "500m", "count/deployments.apps": "0", configmaps: "1" })
  const ended = { status: { phase: "Succeeded" } }
  await client.resource(refs.pods).patch("a", "merge", ended, { ...inDefault, subresource: "status" })
  await client.resource(refs.configmaps).delete("c", inDefault)
  await until("less", async () => (await used())["pods"] === "1" && (await used())["configmaps"] === "0")
  await clock.advance(1000)
  assert.deepEqual(await writesDuring(3_600_000), [])
})
