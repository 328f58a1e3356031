import assert from "node:assert/strict"
import { test } from "node:test"
import { type corev1, refs } from "@ladya/api"
import { FakeClock, settle, silentLogger } from "@ladya/util"
import { newClient } from "../new-client.ts"
import { MemoryTransport } from "../testing/memory-transport.ts"
import { newInformerFactory } from "./factory.ts"
import { newInformer } from "./informer.ts"

const never = new AbortController().signal

function setUp() {
  const clock = new FakeClock()
  const transport = new MemoryTransport(clock)
  const client = newClient(transport)
  const configMaps = client.resource(refs.configmaps)
  const informer = newInformer({
    client,
    ref: refs.configmaps,
    clock,
    log: silentLogger,
    random: () => 0,
    indexers: { colour: (object) => [object.data?.["colour"] ?? ""] },
  })
  const seen: string[] = []
  informer.addHandler({
    add: (object) => seen.push(`add ${object.metadata.name}`),
    update: (object, previous) => seen.push(`update ${previous.data?.["colour"]}>${object.data?.["colour"]}`),
    delete: (object) => seen.push(`delete ${object.metadata.name}`),
  })
  return { clock, transport, configMaps, informer, seen, client }
}

function configMap(name: string, colour: string): corev1.ConfigMap {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { namespace: "default", name }, data: { colour } }
}

test("list, then watch: handlers and indexes follow", async () => {
  const { configMaps, informer, seen } = setUp()
  await configMaps.create(configMap("a", "red"))
  assert.equal(informer.hasSynced, false)
  await informer.start()
  assert.equal(informer.hasSynced, true)
  const b = await configMaps.create(configMap("b", "red"))
  await configMaps.update({ ...b, data: { colour: "blue" } })
  await settle()
  assert.deepEqual(seen, ["add a", "add b", "update red>blue"])
  assert.deepEqual(
    informer.byIndex("colour", "red").map((object) => object.metadata.name),
    ["a"],
  )
  assert.deepEqual(
    informer.byIndex("colour", "blue").map((object) => object.metadata.name),
    ["b"],
  )
  await configMaps.delete("b", { namespace: "default" })
  await settle()
  assert.equal(seen.at(-1), "delete b")
  assert.equal(informer.byIndex("colour", "blue").length, 0)
  assert.equal(informer.get({ namespace: "default", name: "a" })?.data?.["colour"], "red")
  await informer.stop(never)
})

test("a broken watch is resumed from the last version, without a new list", async () => {
  const { clock, transport, configMaps, informer, seen } = setUp()
  await informer.start()
  await settle()
  transport.disconnect()
  await configMaps.create(configMap("a", "red"))
  await clock.advance(10_000)
  assert.deepEqual(seen, ["add a"])
  assert.equal(transport.calls.filter((call) => call.verb === "list").length, 1)
  await informer.stop(never)
})

test("after 410 the new list tells what was added, changed, made anew and deleted meanwhile", async () => {
  const { clock, transport, configMaps, informer, seen } = setUp()
  for (const name of ["changed", "gone", "renewed", "same"]) await configMaps.create(configMap(name, "red"))
  await informer.start()
  await settle()
  seen.length = 0
  transport.disconnect()
  await configMaps.patch("changed", "merge", { data: { colour: "blue" } }, { namespace: "default" })
  await configMaps.delete("gone", { namespace: "default" })
  await configMaps.delete("renewed", { namespace: "default" })
  await configMaps.create(configMap("renewed", "red"))
  await configMaps.create(configMap("new", "red"))
  transport.compact()
  await clock.advance(10_000)
  assert.deepEqual(seen.sort(), ["add new", "add renewed", "delete gone", "delete renewed", "update red>blue"])
  assert.deepEqual([...informer.values()].map((object) => object.metadata.name).sort(), [
    "changed",
    "new",
    "renewed",
    "same",
  ])
  await informer.stop(never)
})

test("an API that is not there yet is tried again, with back-off", async () => {
  const { clock, transport, informer } = setUp()
  let failures = 0
  transport.intercept = () => {
    if (failures++ < 6) throw new Error("connection refused")
  }
  void informer.start()
  await clock.advance(1_000)
  assert.equal(informer.hasSynced, false)
  await clock.advance(30_000)
  assert.equal(informer.hasSynced, true)
  assert.equal(failures, 7)
  await informer.stop(never)
})

test("a factory shares informers, adds indexers, and tells late handlers what is there", async () => {
  const { clock, client, configMaps } = setUp()
  const factory = newInformerFactory({ client, clock, log: silentLogger })
  const first = factory.informer(refs.configmaps)
  await configMaps.create(configMap("a", "red"))
  await factory.start()
  const second = factory.informer(refs.configmaps, {
    indexers: { colour: (object) => [object.data?.["colour"] ?? ""] },
  })
  assert.equal(first, second)
  assert.equal(second.byIndex("colour", "red").length, 1)
  const seen: string[] = []
  const remove = second.addHandler({ add: (object) => seen.push(object.metadata.name ?? "") })
  assert.deepEqual(seen, ["a"])
  remove()
  await configMaps.create(configMap("b", "red"))
  await settle()
  assert.deepEqual(seen, ["a"])
  const other = factory.informer(refs.configmaps, { namespace: "elsewhere" })
  assert.notEqual(other, first)
  await factory.synced()
  assert.equal(other.size, 0)
  await factory.stop(never)
})
