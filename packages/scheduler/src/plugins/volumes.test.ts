import assert from "node:assert/strict"
import { test } from "node:test"
import type { corev1, storagev1 } from "@ladya/api"
import { MemoryTransport, newClient } from "@ladya/client"
import { FakeClock, silentLogger } from "@ladya/util"
import { type ClusterObjects, diagnosePlacement } from "../diagnose.ts"
import { newNode, newPod } from "../testing/objects.ts"

const clock = new FakeClock()
const client = newClient(new MemoryTransport(clock))

const bound = { "pv.kubernetes.io/bind-completed": "yes" }
const claim = (
  name: string,
  spec: object = {},
  annotations: Record<string, string> = {},
): corev1.PersistentVolumeClaim => ({
  apiVersion: "v1",
  kind: "PersistentVolumeClaim",
  metadata: { name, namespace: "default", annotations },
  spec: {
    accessModes: ["ReadWriteOnce"],
    resources: { requests: { storage: "1Gi" } },
    storageClassName: "late",
    ...spec,
  },
})
const volume = (name: string, spec: object = {}, labels: Record<string, string> = {}): corev1.PersistentVolume => ({
  apiVersion: "v1",
  kind: "PersistentVolume",
  metadata: { name, labels },
  spec: {
    capacity: { storage: "1Gi" },
    accessModes: ["ReadWriteOnce"],
    storageClassName: "late",
    hostPath: { path: "/d" },
    ...spec,
  },
  status: { phase: "Available" },
})
const storageClass = (name: string, change: object = {}): storagev1.StorageClass => ({
  apiVersion: "storage.k8s.io/v1",
  kind: "StorageClass",
  metadata: { name },
  provisioner: "kubernetes.io/no-provisioner",
  volumeBindingMode: "WaitForFirstConsumer",
  ...change,
})
const on = (node: string) => ({
  nodeAffinity: {
    required: {
      nodeSelectorTerms: [{ matchExpressions: [{ key: "kubernetes.io/hostname", operator: "In", values: [node] }] }],
    },
  },
})
const withClaims = (name: string, ...claims: string[]): corev1.Pod =>
  newPod(name, {
    spec: { volumes: claims.map((claimName, index) => ({ name: `v${index}`, persistentVolumeClaim: { claimName } })) },
  })

type Storage = NonNullable<ClusterObjects["storage"]>

/** What each node says: nothing when the pod fits. */
function verdicts(pod: corev1.Pod, storage: Storage, more: { pods?: corev1.Pod[]; nodes?: corev1.Node[] } = {}) {
  const nodes = more.nodes ?? [newNode("a"), newNode("b")]
  const cluster = { nodes, pods: more.pods ?? [], namespaces: [], storage }
  const found = diagnosePlacement({ client, clock, log: silentLogger }, cluster, pod)
  if (found.pod) return found.pod.reasons[0]
  return Object.fromEntries(found.nodes.map(({ node, reasons }) => [node, reasons[0] ?? ""]))
}

const conflict = "node(s) had volume node affinity conflict"
const nothing = "node(s) didn't find available persistent volumes to bind"

test("a pod goes where its bound volume is", () => {
  const claims = [claim("data", { volumeName: "pv" }, bound)]
  assert.deepEqual(verdicts(withClaims("p", "data"), { claims, volumes: [volume("pv", on("b"))] }), {
    a: conflict,
    b: "",
  })
  assert.deepEqual(verdicts(withClaims("p", "data"), { claims }), {
    a: "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)",
    b: "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)",
  })
})

test("claims that are missing, going, lost or not delayed keep a pod from every node", () => {
  assert.equal(verdicts(withClaims("p", "data"), {}), 'persistentvolumeclaim "data" not found')
  const going = claim("data")
  going.metadata.deletionTimestamp = "2026-01-01T00:00:00Z"
  assert.equal(verdicts(withClaims("p", "data"), { claims: [going] }), 'persistentvolumeclaim "data" is being deleted')
  const immediate = {
    claims: [claim("data", { storageClassName: "now" })],
    classes: [storageClass("now", { volumeBindingMode: "Immediate" })],
  }
  assert.equal(verdicts(withClaims("p", "data"), immediate), "pod has unbound immediate PersistentVolumeClaims")
  const lost = { ...claim("data", { volumeName: "pv" }, bound), status: { phase: "Lost" } }
  assert.match(
    String(verdicts(withClaims("p", "data"), { claims: [lost] })),
    /bound to non-existent persistentvolume "pv"/,
  )
})

test("delayed claims: each takes a volume of its own that the node reaches", () => {
  const classes = [storageClass("late")]
  const claims = [claim("one"), claim("two")]
  const volumes = [volume("a1", on("a")), volume("b1", on("b")), volume("b2", on("b"))]
  assert.deepEqual(verdicts(withClaims("p", "one", "two"), { classes, claims, volumes }), { a: nothing, b: "" })
})

test("delayed claims: a provisioner makes volumes where its class allows and its driver has room", () => {
  const allowedTopologies = [{ matchLabelExpressions: [{ key: "kubernetes.io/hostname", values: ["a"] }] }]
  const classes = [storageClass("late", { provisioner: "disks.example.com", allowedTopologies })]
  const claims = [claim("one")]
  assert.deepEqual(verdicts(withClaims("p", "one"), { classes, claims }), { a: "", b: nothing })
  const drivers: storagev1.CSIDriver[] = [
    {
      apiVersion: "storage.k8s.io/v1",
      kind: "CSIDriver",
      metadata: { name: "disks.example.com" },
      spec: { storageCapacity: true },
    },
  ]
  const capacity = (value: string): storagev1.CSIStorageCapacity[] => [
    {
      apiVersion: "storage.k8s.io/v1",
      kind: "CSIStorageCapacity",
      metadata: { name: "c", namespace: "kube-system" },
      storageClassName: "late",
      capacity: value,
      nodeTopology: { matchLabels: { "kubernetes.io/hostname": "a" } },
    },
  ]
  const full = "node(s) did not have enough free storage"
  assert.deepEqual(verdicts(withClaims("p", "one"), { classes, claims, drivers, capacities: capacity("1Mi") }), {
    a: full,
    b: nothing,
  })
  assert.deepEqual(verdicts(withClaims("p", "one"), { classes, claims, drivers, capacities: capacity("1Gi") }), {
    a: "",
    b: nothing,
  })
})

test("a claim that was given a node stays with it", () => {
  const classes = [storageClass("late", { provisioner: "disks.example.com" })]
  const claims = [claim("one", {}, { "volume.kubernetes.io/selected-node": "b" })]
  assert.deepEqual(verdicts(withClaims("p", "one"), { classes, claims }), { a: nothing, b: "" })
})

test("zones of a volume's labels", () => {
  const claims = [claim("data", { volumeName: "pv" }, bound)]
  const volumes = [volume("pv", {}, { "topology.kubernetes.io/zone": "z1__z2" })]
  const nodes = ["z1", "z3", undefined].map((zone, index) =>
    newNode(`n${index}`, zone ? { labels: { "topology.kubernetes.io/zone": zone } } : {}),
  )
  assert.deepEqual(verdicts(withClaims("p", "data"), { claims, volumes }, { nodes }), {
    n0: "",
    n1: "node(s) had no available volume zone",
    n2: "",
  })
})

test("a claim for one pod alone is used once, and a disk on one node by one pod", () => {
  const claims = [claim("data", { volumeName: "pv", accessModes: ["ReadWriteOncePod"] }, bound)]
  const user = withClaims("user", "data")
  user.spec = { ...user.spec, containers: user.spec?.containers ?? [], nodeName: "a" }
  const storage = { claims, volumes: [volume("pv")] }
  assert.match(String(verdicts(withClaims("p", "data"), storage, { pods: [user] })), /ReadWriteOncePod access mode/)
  const disk = (name: string, nodeName?: string): corev1.Pod =>
    newPod(name, {
      spec: { ...(nodeName ? { nodeName } : {}), volumes: [{ name: "d", gcePersistentDisk: { pdName: "disk" } }] },
    })
  assert.deepEqual(verdicts(disk("p"), {}, { pods: [disk("q", "a")] }), { a: "node(s) had no available disk", b: "" })
})

test("a driver attaches so many volumes to a node at most", () => {
  const csi = (handle: string) => ({ hostPath: undefined, csi: { driver: "disks.example.com", volumeHandle: handle } })
  const claims = ["one", "two"].map((name) => claim(name, { volumeName: `pv-${name}` }, bound))
  const volumes = ["one", "two"].map((name) => volume(`pv-${name}`, csi(name)))
  const csiNodes: storagev1.CSINode[] = [
    {
      apiVersion: "storage.k8s.io/v1",
      kind: "CSINode",
      metadata: { name: "a" },
      spec: { drivers: [{ name: "disks.example.com", nodeID: "a", allocatable: { count: 1 } }] },
    },
  ]
  const user = withClaims("user", "one")
  user.spec = { ...user.spec, containers: user.spec?.containers ?? [], nodeName: "a" }
  const storage = { claims, volumes, csiNodes }
  assert.deepEqual(verdicts(withClaims("p", "two"), storage, { pods: [user] }), {
    a: "node(s) exceed max volume count",
    b: "",
  })
  assert.deepEqual(verdicts(withClaims("p", "one"), storage, { pods: [user] }), { a: "", b: "" })
})
