import assert from "node:assert/strict"
import { type TestContext, test } from "node:test"
import { type corev1, refs } from "@ladya/api"
import { diagnosePlacement } from "@ladya/scheduler"
import { silentLogger, systemClock } from "@ladya/util"
import { explain, type Finding, parseQuestion, QuestionError, render } from "@ladya/why"
import { makeNamespace, startTestServer } from "./harness.ts"

const container = { name: "main", image: "web:1" }
const namespace = "default"

interface Cluster {
  why(what: string): Promise<Finding>
  node(name: string, spec?: corev1.NodeSpec, cpu?: string, ready?: "True" | "False" | "Unknown"): Promise<void>
  pod(
    name: string,
    spec?: Partial<corev1.PodSpec>,
    status?: corev1.PodStatus,
    labels?: Record<string, string>,
  ): Promise<corev1.Pod>
  client: Awaited<ReturnType<typeof startTestServer>>["client"]
  warn(object: corev1.Pod, reason: string, message: string): Promise<void>
}

async function newCluster(t: TestContext, logs: readonly string[] = []): Promise<Cluster> {
  const { client } = await startTestServer(t)
  await makeNamespace(client, namespace)
  const pods = client.resource(refs.pods)
  return {
    client,
    async why(what) {
      const placement = async (pod: corev1.Pod) => {
        const { items: nodes } = await client.resource(refs.nodes).list()
        const cluster = { nodes, pods: (await pods.list()).items, namespaces: [] }
        const found = diagnosePlacement({ client, clock: systemClock, log: silentLogger }, cluster, pod)
        return { nodes: found.nodes, ...(found.pod ? { pod: { node: "", ...found.pod } } : {}) }
      }
      const deps = { client, clock: systemClock, placement, logTail: async () => logs }
      return explain(deps, parseQuestion(what), namespace)
    },
    async node(name, spec = {}, cpu = "4", ready = "True") {
      const conditions = [
        { type: "Ready", status: ready, message: ready === "False" ? "container runtime is down" : "" },
      ]
      const allocatable = { cpu, memory: "8Gi", pods: "110" }
      await client
        .resource(refs.nodes)
        .create({ apiVersion: "v1", kind: "Node", metadata: { name }, spec, status: { allocatable, conditions } })
    },
    async pod(name, spec = {}, status, labels = {}) {
      const metadata = { name, namespace, labels }
      const made = await pods.create({
        apiVersion: "v1",
        kind: "Pod",
        metadata,
        spec: { containers: [container], ...spec },
      })
      return status ? pods.updateStatus({ ...made, status }) : made
    },
    async warn(object, reason, message) {
      const { name = "", uid = "" } = object.metadata
      await client.resource(refs.events).create({
        apiVersion: "v1",
        kind: "Event",
        metadata: { generateName: "e-", namespace },
        involvedObject: { apiVersion: "v1", kind: object.kind, name, namespace, uid },
        type: "Warning",
        reason,
        message,
        lastTimestamp: new Date(systemClock.now()).toISOString(),
      })
    },
  }
}

const waiting = (reason: string, message = "", more: Partial<corev1.ContainerStatus> = {}): corev1.PodStatus => ({
  phase: "Pending",
  containerStatuses: [
    {
      name: "main",
      image: "web:1",
      imageID: "",
      ready: false,
      restartCount: 0,
      state: { waiting: { reason, message } },
      ...more,
    },
  ],
})

test("a pod that fits no node: each node with the plugin that refuses, and what would unblock it", async (t) => {
  const cluster = await newCluster(t)
  await cluster.node("small", {}, "1")
  await cluster.node("tainted", { taints: [{ key: "team", value: "a", effect: "NoSchedule" }] })
  await cluster.node("cordoned", { unschedulable: true })
  const resources = { requests: { cpu: "2" } }
  await cluster.pod("big", { containers: [{ ...container, resources }] })
  const found = await cluster.why("pod/big")
  assert.equal(found.state, "stuck")
  assert.deepEqual(
    found.nodes?.map(({ node, plugin, reasons }) => [node, plugin, reasons[0]]),
    [
      ["cordoned", "NodeUnschedulable", "node(s) were unschedulable"],
      ["small", "NodeResourcesFit", "Insufficient cpu"],
      ["tainted", "TaintToleration", "node(s) had untolerated taint(s)"],
    ],
  )
  assert.ok(found.nodes?.every(({ unblock }) => unblock))
  assert.match(render(found), /small: NodeResourcesFit - Insufficient cpu\n\s+-> free or add resources there/)
})

test("a pod held by a gate, and one whose claim is missing", async (t) => {
  const cluster = await newCluster(t)
  await cluster.node("n")
  await cluster.pod("gated", { schedulingGates: [{ name: "example.com/quota" }] })
  assert.match((await cluster.why("pod/gated")).cause, /scheduling gate example.com\/quota/)
  await cluster.pod("homeless", { volumes: [{ name: "data", persistentVolumeClaim: { claimName: "data" } }] })
  assert.match((await cluster.why("po/homeless")).cause, /claim data of its volume data does not exist/)
})

test("images, references, crashes and memory: the container's own cause", async (t) => {
  const cluster = await newCluster(t, ["panic: no database"])
  await cluster.node("n")
  const on = { nodeName: "n" }
  const pull = await cluster.pod("pull", on, waiting("ImagePullBackOff", 'Back-off pulling image "web:1"'))
  await cluster.warn(pull, "Failed", 'Failed to pull image "web:1": not found')
  const image = await cluster.why("pod/pull")
  assert.match(image.cause, /image web:1 cannot be pulled/)
  assert.deepEqual(image.evidence, ['Failed to pull image "web:1": not found'])

  await cluster.pod("config", on, waiting("CreateContainerConfigError", 'configmap "settings" not found'))
  assert.match((await cluster.why("pod/config")).cause, /configmap settings that it refers to does not exist/)

  const ended = { exitCode: 127, reason: "Error" }
  await cluster.pod("crash", on, waiting("CrashLoopBackOff", "", { restartCount: 4, lastState: { terminated: ended } }))
  const crash = await cluster.why("pod/crash")
  assert.match(crash.cause, /crashes again and again: exit code 127 .*4 restarts/)
  assert.deepEqual(crash.evidence, ["panic: no database"])
  assert.match(crash.fix[0] ?? "", /command was not found/)

  const killed = { exitCode: 137, reason: "OOMKilled" }
  const limited = { ...container, resources: { limits: { memory: "64Mi" } } }
  await cluster.pod(
    "oom",
    { ...on, containers: [limited] },
    waiting("CrashLoopBackOff", "", { lastState: { terminated: killed } }),
  )
  assert.match((await cluster.why("pod/oom")).cause, /more memory than its limit of 64Mi/)
})

test("a pod that runs but is not ready: its probe's own words", async (t) => {
  const cluster = await newCluster(t)
  await cluster.node("n")
  const running = { startedAt: "2026-01-01T00:00:00Z" }
  const status = waiting("", "", { started: true, state: { running } })
  const pod = await cluster.pod("unready", { nodeName: "n" }, { ...status, phase: "Running" })
  assert.equal((await cluster.why("pod/unready")).state, "waiting")
  await cluster.warn(pod, "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503")
  const found = await cluster.why("pod/unready")
  assert.equal(found.state, "stuck")
  assert.match(found.evidence?.[0] ?? "", /statuscode: 503/)
})

test("a pod on a node that is silent: the chain ends at the node", async (t) => {
  const cluster = await newCluster(t)
  await cluster.node("gone", {}, "4", "Unknown")
  await cluster.pod("lost", { nodeName: "gone" })
  const found = await cluster.why("pod/lost")
  assert.match(found.cause, /agent was last heard of/)
  assert.deepEqual(
    found.chain.map(({ subject }) => subject.kind),
    ["Pod", "Node"],
  )
  assert.match((await cluster.why("node/gone")).cause, /agent was last heard of/)
})

test("a deployment answers with its pod's cause, or with what keeps its pods from being made", async (t) => {
  const cluster = await newCluster(t)
  await cluster.node("n")
  const { client } = cluster
  const template = { metadata: { labels: { app: "web" } }, spec: { containers: [container] } }
  const spec = { replicas: 1, selector: { matchLabels: { app: "web" } }, template }
  const deployment = await client.resource(refs.deployments).create({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web", namespace, annotations: { "deployment.kubernetes.io/revision": "1" } },
    spec,
  })
  const owned = (object: { apiVersion: string; kind: string; metadata: { name?: string; uid?: string } }) => [
    {
      apiVersion: object.apiVersion,
      kind: object.kind,
      name: object.metadata.name ?? "",
      uid: object.metadata.uid ?? "",
      controller: true,
    },
  ]
  const set = await client.resource(refs.replicasets).create({
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: {
      name: "web-1",
      namespace,
      annotations: { "deployment.kubernetes.io/revision": "1" },
      ownerReferences: owned(deployment),
    },
    spec,
  })
  const message = 'pods "web-1-x" is forbidden: exceeded quota: team, requested: pods=1, used: pods=5, limited: pods=5'
  const failure = { type: "ReplicaFailure", status: "True", reason: "FailedCreate", message }
  await client.resource(refs.replicasets).updateStatus({ ...set, status: { replicas: 0, conditions: [failure] } })
  const quota = await cluster.why("deploy/web")
  assert.match(quota.cause, /no more pods may be made: exceeded quota: team/)
  assert.deepEqual(
    quota.chain.map(({ subject }) => subject.kind),
    ["Deployment", "ReplicaSet"],
  )

  const pods = client.resource(refs.pods)
  const metadata = { name: "web-1-a", namespace, labels: { app: "web" }, ownerReferences: owned(set) }
  const pod = await pods.create({ apiVersion: "v1", kind: "Pod", metadata, spec: { ...template.spec, nodeName: "n" } })
  await pods.updateStatus({ ...pod, status: waiting("InvalidImageName", "couldn't parse image name") })
  const found = await cluster.why("deployment/web")
  assert.match(found.cause, /cannot be pulled/)
  assert.deepEqual(
    found.chain.map(({ subject }) => subject.kind),
    ["Deployment", "ReplicaSet", "Pod"],
  )
})

test("a service nobody answers for: labels that nearly match, port names, pods that are not ready", async (t) => {
  const cluster = await newCluster(t)
  await cluster.node("n")
  const services = cluster.client.resource(refs.services)
  const make = (name: string, selector: Record<string, string>, targetPort: number | string) =>
    services.create({
      apiVersion: "v1",
      kind: "Service",
      metadata: { name, namespace },
      spec: { selector, ports: [{ port: 80, targetPort }] },
    })
  const pod = await cluster.pod("web", { nodeName: "n" }, waiting("ErrImagePull"), { app: "web", tier: "front" })
  assert.ok(pod)
  await make("typo", { app: "web", tier: "frnt" }, 8080)
  const typo = await cluster.why("svc/typo")
  assert.match(typo.cause, /no pod in the namespace has the labels/)
  assert.match(typo.fix[0] ?? "", /pod web comes closest: it has tier=front, not frnt/)
  await make("ports", { app: "web" }, "http")
  assert.match((await cluster.why("svc/ports")).cause, /container port named http/)
  await make("unready", { app: "web" }, 8080)
  const unready = await cluster.why("svc/unready")
  assert.match(unready.cause, /cannot be pulled/)
  assert.equal(unready.chain.length, 2)
})

test("a claim: no class, a class that waits, volumes that do not suit", async (t) => {
  const cluster = await newCluster(t)
  const { client } = cluster
  const claim = (name: string, storageClassName: string) =>
    client.resource(refs.persistentvolumeclaims).create({
      apiVersion: "v1",
      kind: "PersistentVolumeClaim",
      metadata: { name, namespace },
      spec: { storageClassName, accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "10Gi" } } },
    })
  await claim("classless", "fast")
  assert.match((await cluster.why("pvc/classless")).cause, /storage class fast does not exist/)
  await client.resource(refs.storageclasses).create({
    apiVersion: "storage.k8s.io/v1",
    kind: "StorageClass",
    metadata: { name: "late" },
    provisioner: "kubernetes.io/no-provisioner",
    volumeBindingMode: "WaitForFirstConsumer",
  })
  await claim("late", "late")
  assert.equal((await cluster.why("pvc/late")).state, "waiting")
  await client.resource(refs.persistentvolumes).create({
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name: "tiny" },
    spec: { capacity: { storage: "1Gi" }, accessModes: ["ReadWriteOnce"], hostPath: { path: "/tmp/x" } },
  })
  await claim("static", "")
  const found = await cluster.why("pvc/static")
  assert.deepEqual(found.evidence, ["tiny: holds 1Gi, less than 10Gi"])
})

test("a pod that does not go: its finalizers, by name", async (t) => {
  const cluster = await newCluster(t)
  await cluster.node("n")
  const pods = cluster.client.resource(refs.pods)
  const metadata = { name: "kept", namespace, finalizers: ["example.com/backup"] }
  await pods.create({ apiVersion: "v1", kind: "Pod", metadata, spec: { containers: [container], nodeName: "n" } })
  await pods.delete("kept", { namespace, gracePeriodSeconds: 0 })
  const found = await cluster.why("pod/kept")
  assert.equal(found.state, "stuck")
  assert.match(found.cause, /finalizer example.com\/backup/)
})

test("a namespace that stays: the condition that says most", async (t) => {
  const cluster = await newCluster(t)
  const namespaces = cluster.client.resource(refs.namespaces)
  await makeNamespace(cluster.client, "old")
  await namespaces.delete("old")
  const old = await namespaces.get("old")
  const conditions = [
    {
      type: "NamespaceContentRemaining",
      status: "True",
      reason: "SomeResourcesRemain",
      message: "pods. has 1 resource instances",
    },
    {
      type: "NamespaceFinalizersRemaining",
      status: "True",
      reason: "SomeFinalizersRemain",
      message: "example.com/backup in 1 resource instances",
    },
  ]
  await namespaces.updateStatus({ ...old, status: { phase: "Terminating", conditions } })
  const found = await cluster.why("ns/old")
  assert.equal(found.state, "stuck")
  assert.match(found.cause, /example.com\/backup in 1 resource/)
})

test("questions that cannot be answered say what can be asked", async (t) => {
  const cluster = await newCluster(t)
  await assert.rejects(cluster.why("pod/nothing"), new QuestionError("there is no Pod nothing in namespace default"))
  assert.throws(() => parseQuestion("thing/x"), /cannot explain "thing": there are po, deploy, rs/)
  assert.throws(() => parseQuestion("pod"), /name the Pod, as in po\/NAME/)
})
