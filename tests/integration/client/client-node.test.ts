import assert from "node:assert/strict"
import { test } from "node:test"
import { CoreV1Api, KubeConfig, makeInformer } from "@kubernetes/client-node"
import { refs } from "@ladya/api"
import { newMemoryStore } from "@ladya/store"
import { mapLimit, systemClock, waitFor } from "@ladya/util"
import { makeNamespace } from "../harness.ts"
import { startSecureServer } from "../secure-server.ts"

test("an informer of the JavaScript client whose revision was compacted away lists anew", async (t) => {
  const store = newMemoryStore({ clock: systemClock })
  const { url, pki, client } = await startSecureServer(t, store)
  await makeNamespace(client, "informed")
  const config = new KubeConfig()
  config.loadFromOptions({
    clusters: [{ name: "c", server: url, caData: Buffer.from(pki.caCertificate).toString("base64") }],
    users: [
      {
        name: "u",
        certData: Buffer.from(pki.admin.certificate).toString("base64"),
        keyData: Buffer.from(pki.admin.key).toString("base64"),
      },
    ],
    contexts: [{ name: "x", cluster: "c", user: "u" }],
    currentContext: "x",
  })
  const core = config.makeApiClient(CoreV1Api)
  const maps = client.resource(refs.configmaps)
  const put = (name: string) =>
    maps.create({ apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace: "informed" } })
  await put("old")
  let lists = 0
  const informer = makeInformer(config, "/api/v1/namespaces/informed/configmaps", async () => {
    const list = await core.listNamespacedConfigMap({ namespace: "informed" })
    if (++lists > 1) return list
    // So much happens between the list and the watch that neither the cache nor the store remembers it.
    await maps.delete("old", { namespace: "informed" })
    await mapLimit(
      Array.from({ length: 2100 }, (_, i) => `new-${i}`),
      50,
      put,
    )
    await store.compact(await store.currentRevision())
    return list
  })
  const deleted: (string | undefined)[] = []
  informer.on("delete", (object) => deleted.push(object.metadata?.name))
  await informer.start()
  t.after(() => informer.stop())
  const wait = (description: string, condition: () => boolean) =>
    waitFor(systemClock, condition, { description, timeoutMs: 60_000 })
  await wait("all objects", () => informer.list("informed").length === 2100)
  assert.equal(lists, 2)
  assert.deepEqual(deleted, ["old"])
  await put("later")
  await wait("what comes later", () => informer.get("later", "informed") !== undefined)
})
