import assert from "node:assert/strict"
import { test } from "node:test"
import { refs } from "@ladya/api"
import { isStatus } from "@ladya/apimachinery"
import { startCluster } from "./cluster.ts"

const only = ["persistentvolumeclaim-protection", "persistentvolume-protection", "volumeattributesclass-protection"]
const inDefault = { namespace: "default" }

test("claims, volumes and attributes classes go when nothing uses them any more", async (context) => {
  const { client, until } = await startCluster(context, { only, kubelet: { bindTo: undefined } as never })
  const claims = client.resource(refs.persistentvolumeclaims)
  const resources = { requests: { storage: "1Gi" } }
  await client.resource(refs.volumeattributesclasses).create({
    apiVersion: "storage.k8s.io/v1",
    kind: "VolumeAttributesClass",
    metadata: { name: "fast" },
    driverName: "example.com",
    parameters: { speed: "high" },
  })
  await claims.create({
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { name: "data", namespace: "default" },
    spec: { accessModes: ["ReadWriteOnce"], resources, volumeAttributesClassName: "fast" },
  })
  await client.resource(refs.persistentvolumes).create({
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name: "disk" },
    spec: { capacity: { storage: "1Gi" }, accessModes: ["ReadWriteOnce"], hostPath: { path: "/x" } },
  })
  await until("finalizers", async () => (await claims.get("data", inDefault)).metadata.finalizers?.length === 1)
  const volumes = client.resource(refs.persistentvolumes)
  await until("the volume's", async () => (await volumes.get("disk")).metadata.finalizers?.length === 1)
  await volumes.patch("disk", "merge", { status: { phase: "Bound" } }, { subresource: "status" })
  await client.resource(refs.pods).create({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "user", namespace: "default" },
    spec: {
      nodeName: "node-1",
      containers: [{ name: "c", image: "i" }],
      volumes: [{ name: "v", persistentVolumeClaim: { claimName: "data" } }],
    },
  })
  const classes = client.resource(refs.volumeattributesclasses)
  await until("the class's", async () => (await classes.get("fast")).metadata.finalizers?.length === 1)
  await claims.delete("data", inDefault)
  await volumes.delete("disk")
  await classes.delete("fast")
  assert.ok((await claims.get("data", inDefault)).metadata.deletionTimestamp)
  assert.ok((await classes.get("fast")).metadata.deletionTimestamp)

  const gone = (read: Promise<unknown>): Promise<boolean> =>
    read.then(
      () => false,
      (error: unknown) => isStatus(error, "NotFound"),
    )
  await client.resource(refs.pods).delete("user", { ...inDefault, gracePeriodSeconds: 0 })
  await until("the claim gone", () => gone(claims.get("data", inDefault)))
  await until("the class gone", () => gone(classes.get("fast")))
  await volumes.patch("disk", "merge", { status: { phase: "Released" } }, { subresource: "status" })
  await until("the volume gone", () => gone(volumes.get("disk")))
})
