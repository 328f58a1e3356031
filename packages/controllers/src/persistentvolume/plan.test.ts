import assert from "node:assert/strict"
import { test } from "node:test"
import { type corev1, defaultStorageClass, type storagev1 } from "@ladya/api"
import { planClaim } from "./plan-claim.ts"
import { planVolume } from "./plan-volume.ts"

const claim = (
  change: { spec?: object; annotations?: Record<string, string>; status?: object } = {},
): corev1.PersistentVolumeClaim => ({
  apiVersion: "v1",
  kind: "PersistentVolumeClaim",
  metadata: { name: "data", namespace: "default", uid: "claim-1", annotations: change.annotations ?? {} },
  spec: {
    storageClassName: "",
    accessModes: ["ReadWriteOnce"],
    resources: { requests: { storage: "5Gi" } },
    ...change.spec,
  },
  status: { phase: "Pending", ...change.status },
})

const volume = (
  name: string,
  change: { spec?: object; annotations?: Record<string, string>; phase?: string } = {},
): corev1.PersistentVolume => ({
  apiVersion: "v1",
  kind: "PersistentVolume",
  metadata: { name, annotations: change.annotations ?? {} },
  spec: { capacity: { storage: "10Gi" }, accessModes: ["ReadWriteOnce"], hostPath: { path: "/d" }, ...change.spec },
  status: { phase: change.phase ?? "Available" },
})

const storageClass = (name: string, change: object = {}): storagev1.StorageClass => ({
  apiVersion: "storage.k8s.io/v1",
  kind: "StorageClass",
  metadata: { name },
  provisioner: "disks.example.com",
  volumeBindingMode: "Immediate",
  ...change,
})

function plan(
  given: corev1.PersistentVolumeClaim,
  volumes: corev1.PersistentVolume[] = [],
  classes: { own?: storagev1.StorageClass; fallback?: storagev1.StorageClass } = {},
) {
  return planClaim({
    claim: given,
    volumes,
    volume: (name) => volumes.find(({ metadata }) => metadata.name === name),
    storageClass: classes.own,
    defaultClass: classes.fallback,
  })
}

const summary = (result: ReturnType<typeof plan>): string =>
  result.kind === "bind"
    ? `bind ${result.volume.metadata.name}`
    : "remark" in result
      ? `${result.kind} ${result.remark?.reason}`
      : result.kind

test("a claim takes the volume set aside for it, else the smallest that suits", () => {
  const large = volume("large", { spec: { capacity: { storage: "100Gi" } } })
  const small = volume("small", { spec: { capacity: { storage: "1Gi" } } })
  const other = volume("other", { spec: { claimRef: { name: "else", namespace: "default" } } })
  const mine = volume("mine", {
    spec: { capacity: { storage: "50Gi" }, claimRef: { name: "data", namespace: "default" } },
  })
  assert.equal(summary(plan(claim(), [large, small, volume("fits"), other])), "bind fits")
  assert.equal(summary(plan(claim(), [large, volume("fits"), mine])), "bind mine")
  assert.equal(summary(plan(claim(), [small, other])), "wait FailedBinding")
})

test("labels, modes, classes and access have to agree", () => {
  const wanted = claim({ spec: { selector: { matchLabels: { disk: "ssd" } } } })
  assert.equal(summary(plan(wanted, [volume("plain")])), "wait FailedBinding")
  const ssd = volume("ssd")
  ssd.metadata.labels = { disk: "ssd" }
  assert.equal(summary(plan(wanted, [volume("plain"), ssd])), "bind ssd")
  assert.equal(summary(plan(claim({ spec: { volumeMode: "Block" } }), [volume("files")])), "wait FailedBinding")
  assert.equal(
    summary(plan(claim({ spec: { accessModes: ["ReadWriteMany"] } }), [volume("once")])),
    "wait FailedBinding",
  )
  assert.equal(summary(plan(claim(), [volume("classy", { spec: { storageClassName: "fast" } })])), "wait FailedBinding")
})

test("classes: the default one is taken, one that delays waits for a node, one that provisions is asked", () => {
  const unnamed = claim({ spec: { storageClassName: undefined } })
  assert.deepEqual(plan(unnamed, [], { fallback: storageClass("std") }), { kind: "takeDefaultClass", className: "std" })
  const named = { spec: { storageClassName: "late" } }
  const late = storageClass("late", { volumeBindingMode: "WaitForFirstConsumer" })
  const suits = volume("suits", { spec: { storageClassName: "late" } })
  assert.equal(summary(plan(claim(named), [suits], { own: late })), "wait WaitForFirstConsumer")
  const chosen = claim({ ...named, annotations: { "volume.kubernetes.io/selected-node": "n" } })
  assert.equal(summary(plan(chosen, [], { own: late })), "provision ExternalProvisioning")
  assert.equal(summary(plan(claim(named), [])), "wait ProvisioningFailed")
})

test("a volume asked for by name is taken when it suits, and nobody else has it", () => {
  const named = claim({ spec: { volumeName: "pv" } })
  assert.equal(summary(plan(named)), "wait")
  assert.equal(summary(plan(named, [volume("pv")])), "bind pv")
  assert.equal(summary(plan(named, [volume("pv", { spec: { capacity: { storage: "1Gi" } } })])), "wait VolumeMismatch")
  const taken = volume("pv", { spec: { claimRef: { name: "else", namespace: "default", uid: "x" } } })
  assert.equal(summary(plan(named, [taken])), "wait FailedBinding")
})

test("a bound claim keeps its volume or has lost it", () => {
  const annotations = { "pv.kubernetes.io/bind-completed": "yes" }
  const status = { phase: "Bound", capacity: { storage: "10Gi" } }
  const bound = claim({ spec: { volumeName: "pv" }, annotations, status })
  const holder = { name: "data", namespace: "default", uid: "claim-1" }
  assert.equal(summary(plan(bound, [volume("pv", { spec: { claimRef: holder }, phase: "Bound" })])), "nothing")
  assert.equal(summary(plan(bound, [volume("pv")])), "bind pv")
  assert.equal(summary(plan(bound)), "lost ClaimLost")
  const other = volume("pv", { spec: { claimRef: { ...holder, uid: "claim-0" } }, phase: "Bound" })
  assert.equal(summary(plan(bound, [other])), "lost ClaimMisbound")
})

test("a volume follows its claim", () => {
  const holder = { name: "data", namespace: "default", uid: "claim-1" }
  const kept = volume("pv", { spec: { claimRef: holder }, phase: "Bound" })
  const none = () => undefined
  assert.deepEqual(planVolume(volume("pv", { phase: "Pending" }), none), { kind: "phase", phase: "Available" })
  assert.deepEqual(planVolume(kept, none), { kind: "phase", phase: "Released" })
  assert.deepEqual(
    planVolume(kept, () => claim({ spec: { volumeName: "pv" } })),
    { kind: "nothing" },
  )
  assert.deepEqual(
    planVolume(kept, () => claim()),
    { kind: "askClaim" },
  )
  const byUs = { ...kept, metadata: { name: "pv", annotations: { "pv.kubernetes.io/bound-by-controller": "yes" } } }
  assert.deepEqual(
    planVolume(byUs, () => claim({ spec: { volumeName: "another" } })),
    { kind: "unbind" },
  )
  const toDelete = volume("pv", { spec: { claimRef: holder, persistentVolumeReclaimPolicy: "Delete" }, phase: "Bound" })
  const failed = planVolume(toDelete, none)
  assert.equal(failed.kind === "phase" && failed.phase, "Failed")
  const made = { "pv.kubernetes.io/provisioned-by": "disks.example.com" }
  const dynamic = { ...toDelete, metadata: { name: "pv", annotations: made } }
  assert.deepEqual(planVolume(dynamic, none), { kind: "phase", phase: "Released" })
})

test("the newest default class counts", () => {
  const annotations = { "storageclass.kubernetes.io/is-default-class": "true" }
  const of = (name: string, creationTimestamp: string, isDefault = true) =>
    storageClass(name, { metadata: { name, creationTimestamp, annotations: isDefault ? annotations : {} } })
  const found = defaultStorageClass([
    of("old", "2025-01-01T00:00:00Z"),
    of("new", "2026-01-01T00:00:00Z"),
    of("no", "2027-01-01T00:00:00Z", false),
  ])
  assert.equal(found?.metadata.name, "new")
})
