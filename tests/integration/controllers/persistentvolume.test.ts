import assert from "node:assert/strict"
import { test } from "node:test"
import { type corev1, refs } from "@ladya/api"
import { startCluster } from "./cluster.ts"

const namespace = "default"
const claim = (name: string, spec: object = {}): corev1.PersistentVolumeClaim => ({
  apiVersion: "v1",
  kind: "PersistentVolumeClaim",
  metadata: { name, namespace },
  spec: {
    storageClassName: "",
    accessModes: ["ReadWriteOnce"],
    resources: { requests: { storage: "1Gi" } },
    ...spec,
  },
})
const volume = (name: string, spec: object = {}): corev1.PersistentVolume => ({
  apiVersion: "v1",
  kind: "PersistentVolume",
  metadata: { name },
  spec: { capacity: { storage: "2Gi" }, accessModes: ["ReadWriteOnce"], hostPath: { path: `/srv/${name}` }, ...spec },
})

test("a claim is bound to a volume on both sides; when it goes, the volume is released and kept", async (t) => {
  const { client, until, writesDuring } = await startCluster(t, { only: ["persistentvolume-binder"] })
  const claims = client.resource(refs.persistentvolumeclaims)
  const volumes = client.resource(refs.persistentvolumes)
  await claims.create(claim("data"))
  await until("the claim waits", async () => {
    const { items } = await client.resource(refs.events).list({ namespace })
    return items.some(({ reason }) => reason === "FailedBinding")
  })
  await volumes.create(volume("pv"))
  await until("both are bound", async () => {
    const [one, other] = [await claims.get("data", { namespace }), await volumes.get("pv")]
    return one.status?.phase === "Bound" && other.status?.phase === "Bound"
  })
  const bound = await claims.get("data", { namespace })
  assert.equal(bound.spec?.volumeName, "pv")
  assert.deepEqual(bound.status?.capacity, { storage: "2Gi" })
  assert.equal((await volumes.get("pv")).spec?.claimRef?.uid, bound.metadata.uid)
  assert.deepEqual(await writesDuring(60_000), [])
  await claims.delete("data", { namespace })
  await until("the volume is released", async () => (await volumes.get("pv")).status?.phase === "Released")
  await claims.create(claim("next"))
  await until("the next claim waits", async () => (await claims.get("next", { namespace })).status?.phase === "Pending")
  assert.equal((await claims.get("next", { namespace })).spec?.volumeName, undefined)
})

test("the claim of an ephemeral volume is made, belongs to its pod, and goes with it", async (t) => {
  const only = ["ephemeral-volume", "persistentvolume-binder", "generic-garbage-collector"]
  const { client, until } = await startCluster(t, { only })
  const claims = client.resource(refs.persistentvolumeclaims)
  const pods = client.resource(refs.pods)
  await client.resource(refs.persistentvolumes).create(volume("pv"))
  await pods.create({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "web", namespace },
    spec: {
      containers: [{ name: "main", image: "web:1" }],
      volumes: [{ name: "scratch", ephemeral: { volumeClaimTemplate: { spec: claim("x").spec ?? {} } } }],
    },
  })
  await until("its claim is bound", async () => {
    const [made] = (await claims.list({ namespace })).items
    return made?.status?.phase === "Bound"
  })
  assert.equal((await claims.get("web-scratch", { namespace })).metadata.ownerReferences?.[0]?.name, "web")
  await pods.delete("web", { namespace })
  await until("the claim is gone", async () => (await claims.list({ namespace })).items.length === 0)
})
