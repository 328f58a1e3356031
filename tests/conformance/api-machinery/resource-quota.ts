import assert from "node:assert/strict"
import { type corev1, refs } from "@ladya/api"
import { isStatus, type KubeObject } from "@ladya/apimachinery"
import type { ConformanceContext } from "../support/context.ts"
import { sleepingPodSpec } from "../support/pods.ts"
import { conformance } from "../support/registry.ts"
import { startWatch } from "../support/watches.ts"
import { untilGone, untilObject, updateObject } from "../support/workloads.ts"

const prefix = "[sig-api-machinery] ResourceQuota should"
const dongle = "requests.example.com/dongle"
const hard = {
  pods: "5",
  services: "10",
  "services.nodeports": "1",
  "services.loadbalancers": "1",
  replicationcontrollers: "10",
  configmaps: "10",
  secrets: "10",
  persistentvolumeclaims: "10",
  resourcequotas: "1",
  "requests.storage": "10Gi",
  cpu: "1",
  memory: "500Mi",
  "requests.ephemeral-storage": "50Gi",
  "count/replicasets.apps": "5",
  [dongle]: "3",
}

const quotaOf = (name: string, spec: corev1.ResourceQuotaSpec = { hard }): corev1.ResourceQuota => ({
  apiVersion: "v1",
  kind: "ResourceQuota",
  metadata: { name },
  spec,
})

/** Creates the quota and waits until it is counted. */
async function newQuota(t: ConformanceContext, namespace: string, quota = quotaOf("test-quota")): Promise<void> {
  await t.client.resource(refs.resourcequotas).create({ ...quota, metadata: { ...quota.metadata, namespace } })
  await untilUsed(t, namespace, quota.metadata.name ?? "", {})
  const { status, spec } = await t.client.resource(refs.resourcequotas).get(quota.metadata.name ?? "", { namespace })
  assert.deepEqual(status?.hard, spec?.hard)
}

/** Waits until `used` shows these amounts, and nothing of what is not named here but was not before. */
async function untilUsed(
  t: ConformanceContext,
  namespace: string,
  name: string,
  used: Record<string, string>,
): Promise<void> {
  await untilObject(t, refs.resourcequotas, { name, namespace }, `uses ${JSON.stringify(used)}`, ({ spec, status }) =>
    Object.keys(spec?.hard ?? {}).every(
      (key) => status?.used?.[key] !== undefined && (used[key] === undefined || status.used[key] === used[key]),
    ),
  )
}

const forbidden = (error: unknown): boolean => isStatus(error, "Forbidden")

conformance(
  `${prefix} create a ResourceQuota and ensure its status is promptly calculated. [Conformance]`,
  async (t) => {
    const namespace = await t.namespace()
    await newQuota(t, namespace)
    await untilUsed(t, namespace, "test-quota", { resourcequotas: "1", pods: "0", cpu: "0" })
  },
)

/** Creates an object, sees it counted, deletes it, and sees it released. */
function lifeOf(
  what: string,
  make: (t: ConformanceContext, namespace: string) => Promise<() => Promise<unknown>>,
  used: Record<string, string>,
  check?: (t: ConformanceContext, namespace: string) => Promise<void>,
): void {
  conformance(`${prefix} create a ResourceQuota and capture the life of a ${what}. [Conformance]`, async (t) => {
    const namespace = await t.namespace()
    // What every namespace gets is there already: it counts from the beginning, and is not what this is about.
    await t.until("the root CA", () =>
      t.client
        .resource(refs.configmaps)
        .get("kube-root-ca.crt", { namespace })
        .catch(() => undefined),
    )
    await newQuota(t, namespace)
    const before = (await t.client.resource(refs.resourcequotas).get("test-quota", { namespace })).status?.used ?? {}
    const remove = await make(t, namespace)
    await untilUsed(t, namespace, "test-quota", used)
    await check?.(t, namespace)
    await remove()
    const released = Object.fromEntries(Object.keys(used).map((key) => [key, before[key] ?? "0"]))
    await untilUsed(t, namespace, "test-quota", released)
  })
}

lifeOf(
  "configMap",
  async (t, namespace) => {
    const resource = t.client.resource(refs.configmaps)
    await resource.create({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "test", namespace },
      data: { a: "b" },
    })
    return () => resource.delete("test", { namespace })
  },
  { configmaps: "2" },
)

lifeOf(
  "secret",
  async (t, namespace) => {
    const resource = t.client.resource(refs.secrets)
    await resource.create({
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "test", namespace },
      stringData: { a: "b" },
    })
    return () => resource.delete("test", { namespace })
  },
  { secrets: "1" },
)

const labels = { name: "test" }
const template = { metadata: { labels }, spec: sleepingPodSpec() }

lifeOf(
  "replication controller",
  async (t, namespace) => {
    const resource = t.client.resource(refs.replicationcontrollers)
    await resource.create({
      apiVersion: "v1",
      kind: "ReplicationController",
      metadata: { name: "test", namespace },
      spec: { replicas: 0, selector: labels, template },
    })
    return () => resource.delete("test", { namespace, propagationPolicy: "Orphan" })
  },
  { replicationcontrollers: "1" },
)

lifeOf(
  "replica set",
  async (t, namespace) => {
    const resource = t.client.resource(refs.replicasets)
    await resource.create({
      apiVersion: "apps/v1",
      kind: "ReplicaSet",
      metadata: { name: "test", namespace },
      spec: { replicas: 0, selector: { matchLabels: labels }, template },
    })
    return () => resource.delete("test", { namespace })
  },
  { "count/replicasets.apps": "1" },
)

const service = (name: string, namespace: string, type: string, more: object = {}): corev1.Service => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name, namespace },
  spec: { type, ports: [{ port: 80, targetPort: 80 }], ...more },
})

lifeOf(
  "service",
  async (t, namespace) => {
    const resource = t.client.resource(refs.services)
    await resource.create(service("test-cluster-ip", namespace, "ClusterIP"))
    await resource.create(service("test-node-port", namespace, "NodePort"))
    // One node port is allowed, and taken.
    const balancer = service("balancer", namespace, "LoadBalancer")
    await assert.rejects(resource.create(balancer), forbidden)
    await resource.create(service("no-node-port", namespace, "LoadBalancer", { allocateLoadBalancerNodePorts: false }))
    return async () => {
      for (const name of ["test-cluster-ip", "test-node-port", "no-node-port"])
        await resource.delete(name, { namespace })
    }
  },
  { services: "3", "services.nodeports": "1", "services.loadbalancers": "1" },
)

const podOf = (
  name: string,
  namespace: string,
  requests: Record<string, string>,
  more: Partial<corev1.PodSpec> = {},
  limits: Record<string, string> = {},
): corev1.Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, namespace },
  spec: sleepingPodSpec(more, { resources: { requests, limits } }),
})

const asked = { cpu: "500m", memory: "252Mi", "ephemeral-storage": "30Gi", "example.com/dongle": "2" }

lifeOf(
  "pod",
  async (t, namespace) => {
    const resource = t.client.resource(refs.pods)
    // Nobody has such a device: the pod waits, and counts.
    await resource.create(podOf("test-pod", namespace, asked, {}, { "example.com/dongle": "2" }))
    return () => resource.delete("test-pod", { namespace, gracePeriodSeconds: 0 })
  },
  { pods: "1", cpu: "500m", memory: "252Mi", "requests.ephemeral-storage": "30Gi", [dongle]: "2" },
  async (t, namespace) => {
    const resource = t.client.resource(refs.pods)
    const tooMuch = podOf("fail-pod", namespace, { cpu: "600m", memory: "100Mi" })
    await assert.rejects(resource.create(tooMuch), forbidden)
    const devices = { "example.com/dongle": "2" }
    const tooMany = podOf("fail-devices", namespace, { cpu: "100m", memory: "50Mi", ...devices }, {}, devices)
    await assert.rejects(resource.create(tooMany), forbidden)
    const more = { spec: { containers: [{ name: "main", resources: { requests: { ...asked, cpu: "100m" } } }] } }
    await assert.rejects(resource.patch("test-pod", "strategic", more, { namespace }), (error) =>
      isStatus(error, "Invalid"),
    )
    await untilUsed(t, namespace, "test-quota", { pods: "1", cpu: "500m" })
  },
)

conformance(`${prefix} verify ResourceQuota with terminating scopes. [Conformance]`, async (t) => {
  const namespace = await t.namespace()
  const limits = {
    pods: "5",
    "requests.cpu": "1",
    "requests.memory": "500Mi",
    "limits.cpu": "2",
    "limits.memory": "1Gi",
  }
  await newQuota(t, namespace, quotaOf("terminating", { hard: limits, scopes: ["Terminating"] }))
  await newQuota(t, namespace, quotaOf("not-terminating", { hard: limits, scopes: ["NotTerminating"] }))
  const requests = { cpu: "500m", memory: "200Mi" }
  const most = { cpu: "1", memory: "400Mi" }
  const full = {
    pods: "1",
    "requests.cpu": "500m",
    "requests.memory": "200Mi",
    "limits.cpu": "1",
    "limits.memory": "400Mi",
  }
  const none = Object.fromEntries(Object.keys(full).map((key) => [key, "0"]))
  const resource = t.client.resource(refs.pods)
  for (const [name, spec, counting, other] of [
    ["test-pod", {}, "not-terminating", "terminating"],
    ["terminating-pod", { activeDeadlineSeconds: 3600 }, "terminating", "not-terminating"],
  ] as const) {
    await resource.create(podOf(name, namespace, requests, spec, most))
    await untilUsed(t, namespace, counting, full)
    await untilUsed(t, namespace, other, none)
    await resource.delete(name, { namespace, gracePeriodSeconds: 0 })
    await untilUsed(t, namespace, counting, none)
  }
})

conformance(`${prefix} verify ResourceQuota with best effort scope. [Conformance]`, async (t) => {
  const namespace = await t.namespace()
  await newQuota(t, namespace, quotaOf("besteffort", { hard: { pods: "5" }, scopes: ["BestEffort"] }))
  await newQuota(t, namespace, quotaOf("not-besteffort", { hard: { pods: "5" }, scopes: ["NotBestEffort"] }))
  const resource = t.client.resource(refs.pods)
  for (const [name, requests, counting, other] of [
    ["pod", {}, "besteffort", "not-besteffort"],
    ["burstable-pod", { cpu: "100m", memory: "50Mi" }, "not-besteffort", "besteffort"],
  ] as const) {
    await resource.create(podOf(name, namespace, requests))
    await untilUsed(t, namespace, counting, { pods: "1" })
    await untilUsed(t, namespace, other, { pods: "0" })
    await resource.delete(name, { namespace, gracePeriodSeconds: 0 })
    await untilUsed(t, namespace, counting, { pods: "0" })
  }
})

conformance(`${prefix} be able to update and delete ResourceQuota. [Conformance]`, async (t) => {
  const namespace = await t.namespace()
  const resource = t.client.resource(refs.resourcequotas)
  const place = { name: "test-quota", namespace }
  const made = await resource.create({
    ...quotaOf("test-quota", { hard: { cpu: "1", memory: "500Mi" } }),
    metadata: place,
  })
  assert.deepEqual((await resource.get("test-quota", { namespace })).spec, made.spec)
  const updated = await updateObject(t, refs.resourcequotas, place, (draft) => {
    draft.spec = { hard: { cpu: "2", memory: "1Gi" } }
  })
  assert.deepEqual(updated.spec?.hard, { cpu: "2", memory: "1Gi" })
  assert.deepEqual((await resource.get("test-quota", { namespace })).spec?.hard, { cpu: "2", memory: "1Gi" })
  await resource.delete("test-quota", { namespace })
  await untilGone(t, refs.resourcequotas, place)
})

conformance(`${prefix} manage the lifecycle of a ResourceQuota [Conformance]`, async (t) => {
  const namespace = await t.namespace()
  const resource = t.client.resource(refs.resourcequotas)
  const name = t.unique("e2e-quota")
  const own = { [name]: "true" }
  await resource.create({
    ...quotaOf(name, { hard: { cpu: "100", memory: "10Gi" } }),
    metadata: { name, namespace, labels: own },
  })
  const labelSelector = `${name}=true`
  assert.equal((await resource.list({ labelSelector })).items.length, 1)
  const patch = { metadata: { labels: { [name]: "patched" } }, spec: { hard: { memory: "750Mi" } } }
  const patched = await resource.patch(name, "strategic", patch, { namespace })
  assert.equal(patched.metadata.labels?.[name], "patched")
  assert.deepEqual(patched.spec?.hard, { cpu: "100", memory: "750Mi" })
  await resource.deleteCollection({ namespace, labelSelector: `${name}=patched` })
  await untilGone(t, refs.resourcequotas, { name, namespace })
})

conformance(
  `${prefix} apply changes to a resourcequota status [Conformance]`,
  async (t) => {
    const namespace = await t.namespace()
    const resource = t.client.resource(refs.resourcequotas)
    const name = "e2e-rq-status"
    const place = { name, namespace }
    await newQuota(t, namespace, quotaOf(name, { hard: { cpu: "500", memory: "500Gi" } }))
    const watch = startWatch(t, refs.resourcequotas, { namespace, fieldSelector: `metadata.name=${name}` })
    const shows = (part: "spec" | "status", cpu: string) => (event: { object: KubeObject }) =>
      (event.object as corev1.ResourceQuota)[part]?.hard?.["cpu"] === cpu
    await watch.next("as counted", shows("status", "500"))

    await updateObject(
      t,
      refs.resourcequotas,
      place,
      (draft) => {
        draft.status = { ...draft.status, hard: { cpu: "300", memory: "300Gi" } }
      },
      "status",
    )
    await watch.next("the updated status", shows("status", "300"))
    await resource.patch(name, "merge", { spec: { hard: { cpu: "750", memory: "750Gi" } } }, { namespace })
    await watch.next("the patched spec", shows("spec", "750"))
    await untilObject(
      t,
      refs.resourcequotas,
      place,
      "the status to follow",
      ({ status }) => status?.hard?.["cpu"] === "750",
    )

    const body = { spec: { hard: { cpu: "1" } }, status: { hard: { cpu: "20", memory: "250Gi" } } }
    const patched = await resource.patch(name, "merge", body, { namespace, subresource: "status" })
    assert.equal(patched.status?.hard?.["cpu"], "20")
    assert.equal(patched.spec?.hard?.["cpu"], "750", "the spec is not changed through the status")
    await watch.next("the patched status", shows("status", "20"))
    await untilObject(
      t,
      refs.resourcequotas,
      place,
      "mended by the controller",
      ({ status }) => status?.hard?.["cpu"] === "750",
      330_000,
    )
    const read = await resource.getSubresource<corev1.ResourceQuota>(name, "status", { namespace })
    assert.deepEqual(read.status?.hard, read.spec?.hard)
  },
  { timeoutMs: 400_000 },
)
