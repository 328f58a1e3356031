import assert from "node:assert/strict"
import { type corev1, refs } from "@ladya/api"
import type { WatchEvent } from "@ladya/client"
import type { ConformanceContext } from "../support/context.ts"
import { conformance } from "../support/registry.ts"
import { startWatch, type Watch } from "../support/watches.ts"

type ConfigMap = corev1.ConfigMap

const label = "watch-this-configmap"

const configMap = (namespace: string, name: string, value: string): ConfigMap => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { namespace, name, labels: { [label]: value } },
})

/** Writes the count of its mutations into it. */
async function mutate(t: ConformanceContext, of: ConfigMap, mutation: number, value?: string): Promise<ConfigMap> {
  const { name = "", namespace = "" } = of.metadata
  const patch = {
    data: { mutation: String(mutation) },
    ...(value === undefined ? {} : { metadata: { labels: { [label]: value } } }),
  }
  return await t.client.resource(refs.configmaps).patch(name, "merge", patch, { namespace })
}

const remove = (t: ConformanceContext, { metadata }: ConfigMap): Promise<void> =>
  t.client.resource(refs.configmaps).delete(metadata.name ?? "", { namespace: metadata.namespace ?? "" })

/** `ADDED a 1`: the type, the name, the count of mutations. */
const textOf = ({ type, object }: WatchEvent<ConfigMap>): string =>
  `${type} ${object.metadata.name} ${object.data?.["mutation"] ?? 0}`

async function expectEvents(watch: Watch<ConfigMap>, wanted: readonly string[]): Promise<void> {
  while (watch.events.length < wanted.length) await watch.next(wanted[watch.events.length] as string)
  assert.deepEqual(watch.events.map(textOf), wanted)
}

conformance(
  "[sig-api-machinery] Watchers should observe add, update, and delete watch notifications on configmaps [Conformance]",
  async (t) => {
    const namespace = await t.namespace()
    const watchOf = (labelSelector: string) => startWatch(t, refs.configmaps, { namespace, labelSelector })
    const watches = { a: watchOf(`${label}=a`), b: watchOf(`${label}=b`), both: watchOf(`${label} in (a,b)`) }
    for (const name of ["a", "b"]) {
      const one = await t.client.resource(refs.configmaps).create(configMap(namespace, name, name))
      if (name === "a") for (const mutation of [1, 2]) await mutate(t, one, mutation)
      await remove(t, one)
    }
    const ofA = ["ADDED a 0", "MODIFIED a 1", "MODIFIED a 2", "DELETED a 2"]
    const ofB = ["ADDED b 0", "DELETED b 0"]
    await expectEvents(watches.both, [...ofA, ...ofB])
    await expectEvents(watches.a, ofA)
    await expectEvents(watches.b, ofB)
  },
)

conformance(
  "[sig-api-machinery] Watchers should be able to start watching from a specific resource version [Conformance]",
  async (t) => {
    const namespace = await t.namespace()
    const created = await t.client.resource(refs.configmaps).create(configMap(namespace, "past", "from-version"))
    const { metadata } = await mutate(t, created, 1)
    await mutate(t, created, 2)
    await remove(t, created)
    const watch = startWatch(t, refs.configmaps, {
      namespace,
      labelSelector: `${label}=from-version`,
      resourceVersion: metadata.resourceVersion ?? "",
    })
    await expectEvents(watch, ["MODIFIED past 2", "DELETED past 2"])
  },
)

conformance(
  "[sig-api-machinery] Watchers should be able to restart watching from the last resource version observed by the previous watch [Conformance]",
  async (t) => {
    const namespace = await t.namespace()
    const selection = { namespace, labelSelector: `${label}=restarted` }
    const first = startWatch(t, refs.configmaps, selection)
    const created = await t.client.resource(refs.configmaps).create(configMap(namespace, "on", "restarted"))
    await mutate(t, created, 1)
    await expectEvents(first, ["ADDED on 0", "MODIFIED on 1"])
    first.stop()
    await mutate(t, created, 2)
    const resourceVersion = first.events.at(-1)?.object.metadata.resourceVersion ?? ""
    const second = startWatch(t, refs.configmaps, { ...selection, resourceVersion })
    await remove(t, created)
    await expectEvents(second, ["MODIFIED on 2", "DELETED on 2"])
  },
)

conformance(
  "[sig-api-machinery] Watchers should observe an object deletion if it stops meeting the requirements of the selector [Conformance]",
  async (t) => {
    const namespace = await t.namespace()
    const watch = startWatch(t, refs.configmaps, { namespace, labelSelector: `${label}=changing` })
    const created = await t.client.resource(refs.configmaps).create(configMap(namespace, "c", "changing"))
    await mutate(t, created, 1)
    await mutate(t, created, 1, "other")
    await mutate(t, created, 2)
    await mutate(t, created, 2, "changing")
    await mutate(t, created, 3)
    await remove(t, created)
    const wanted = ["ADDED c 0", "MODIFIED c 1", "DELETED c 1", "ADDED c 2", "MODIFIED c 3", "DELETED c 3"]
    await expectEvents(watch, wanted)
    // What is told to be deleted is not yet changed, and its version is the change's: a watch can go on from it.
    assert.equal(watch.events[2]?.object.metadata.labels?.[label], "changing")
  },
)

conformance(
  "[sig-api-machinery] Watchers should receive events on concurrent watches in same order [Conformance]",
  async (t) => {
    const namespace = await t.namespace()
    const configMaps = t.client.resource(refs.configmaps)
    const { metadata } = await configMaps.list({ namespace })
    const first = startWatch(t, refs.configmaps, { namespace, resourceVersion: metadata.resourceVersion ?? "" })
    const count = 100
    const writes = (async () => {
      const names: string[] = []
      for (let at = 0; names.length < 40 || at < count; at++) {
        const name = names[(at * 7) % 10] ?? `m-${at}`
        if (at % 10 < 4 || !names.includes(name)) {
          const fresh = `m-${at}`
          await configMaps.create(configMap(namespace, fresh, "order"))
          names.push(fresh)
        } else if (at % 10 < 8) await mutate(t, configMap(namespace, name, "order"), at)
        else await remove(t, configMap(namespace, names.splice(names.indexOf(name), 1)[0] as string, "order"))
      }
    })()
    // Each event begins a watch of its own, from that event's version.
    const others: Watch<ConfigMap>[] = []
    for (let at = 0; at < count; at++) {
      const event = await first.next(`number ${at}`)
      const resourceVersion = event.object.metadata.resourceVersion ?? ""
      others.push(startWatch(t, refs.configmaps, { namespace, resourceVersion }))
    }
    await writes
    const versions = (watch: Watch<ConfigMap>): string[] =>
      watch.events.slice(0, count).map((event) => `${event.type} ${event.object.metadata.resourceVersion}`)
    for (const [at, other] of others.entries()) {
      const wanted = versions(first).slice(at + 1)
      while (other.events.length < wanted.length) await other.next(`${other.events.length} of ${wanted.length}`)
      assert.deepEqual(versions(other).slice(0, wanted.length), wanted)
    }
  },
)
