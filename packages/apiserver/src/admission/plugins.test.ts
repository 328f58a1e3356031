import assert from "node:assert/strict"
import { describe, test } from "node:test"
import { type corev1, kindByResource, quotaCovers, refs } from "@ladya/api"
import type { KubeObject, StatusError } from "@ladya/apimachinery"
import { MemoryTransport, newClient } from "@ladya/client"
import { FakeClock } from "@ladya/util"
import { newLookup } from "../lookup.ts"
import type { AdmissionAttributes, AdmissionPlugin } from "./admission.ts"
import { DefaultStorageClass } from "./default-storage-class.ts"
import { LimitRanger } from "./limit-ranger.ts"
import { PodTopologyLabels } from "./pod-topology-labels.ts"
import { planReservation, ResourceQuota } from "./resource-quota.ts"
import { RuntimeClass } from "./runtime-class.ts"
import { storageObjectInUseProtection } from "./storage-object-in-use-protection.ts"

function about(object: KubeObject, path: string, more: Partial<AdmissionAttributes> = {}): AdmissionAttributes {
  const [group = "", resource = "", subresource = ""] = path.split("/")
  const kind = kindByResource({ group, version: "v1", resource })
  assert.ok(kind, path)
  return {
    operation: "CREATE",
    kind,
    requested: kind,
    subresource,
    namespace: object.metadata.namespace ?? "",
    name: object.metadata.name ?? "",
    user: { name: "jane", groups: [] },
    dryRun: false,
    object,
    previous: undefined,
    view: undefined,
    isPart: false,
    options: () => ({}),
    warnings: [],
    annotate: () => undefined,
    signal: new AbortController().signal,
    reinvocation: { isSecond: false, isWanted: false, memory: new Map() },
    ...more,
  }
}

async function admit(plugin: AdmissionPlugin, attributes: AdmissionAttributes): Promise<void> {
  if (!plugin.handles(attributes)) return
  await plugin.mutate?.(attributes)
  await plugin.validate?.(attributes)
}

const refused = (message: RegExp) => (error: unknown) => {
  assert.equal((error as StatusError).code, 403)
  assert.match((error as StatusError).message, message)
  return true
}

const podOf = (spec: Partial<corev1.PodSpec> = {}, metadata: KubeObject["metadata"] = {}): corev1.Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "p", namespace: "a", ...metadata },
  spec: { containers: [{ name: "c" }], ...spec },
})

const claimOf = (spec: Partial<corev1.PersistentVolumeClaimSpec> = {}, more: object = {}) =>
  ({
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { name: "data", namespace: "a" },
    spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "5Gi" } }, ...spec },
    ...more,
  }) as corev1.PersistentVolumeClaim

function setUp() {
  const client = newClient(new MemoryTransport(new FakeClock()))
  return { client, lookup: newLookup(client) }
}

describe("StorageObjectInUseProtection", () => {
  const cases: { name: string; path: string; finalizers?: string[]; want: string[] | undefined }[] = [
    { name: "a claim", path: "/persistentvolumeclaims", want: ["kubernetes.io/pvc-protection"] },
    { name: "a volume", path: "/persistentvolumes", want: ["kubernetes.io/pv-protection"] },
    {
      name: "an attributes class",
      path: "storage.k8s.io/volumeattributesclasses",
      want: ["kubernetes.io/vac-protection"],
    },
    {
      name: "others behind",
      path: "/persistentvolumes",
      finalizers: ["a/b"],
      want: ["a/b", "kubernetes.io/pv-protection"],
    },
    {
      name: "once",
      path: "/persistentvolumes",
      finalizers: ["kubernetes.io/pv-protection"],
      want: ["kubernetes.io/pv-protection"],
    },
    { name: "something else", path: "/configmaps", want: undefined },
    { name: "a subresource", path: "/persistentvolumes/status", want: undefined },
  ]
  for (const { name, path, finalizers, want } of cases) {
    test(name, async () => {
      const object: KubeObject = {
        kind: "X",
        apiVersion: "v1",
        metadata: { name: "x", ...(finalizers ? { finalizers } : {}) },
      }
      await admit(storageObjectInUseProtection, about(object, path))
      assert.deepEqual(object.metadata.finalizers, want)
    })
  }
})

describe("PodTopologyLabels", () => {
  const zone = "topology.kubernetes.io/zone"
  const cases: {
    name: string
    pod: corev1.Pod
    path?: string
    operation?: "UPDATE"
    want: Record<string, string> | undefined
  }[] = [
    {
      name: "when bound",
      pod: podOf({ nodeName: "n" }),
      path: "/pods/binding",
      operation: "UPDATE",
      want: { [zone]: "z1" },
    },
    { name: "when made on a node", pod: podOf({ nodeName: "n" }), want: { [zone]: "z1" } },
    {
      name: "its own label stands",
      pod: podOf({ nodeName: "n" }, { labels: { [zone]: "mine" } }),
      want: { [zone]: "mine" },
    },
    { name: "not yet bound", pod: podOf(), want: undefined },
    { name: "an unknown node", pod: podOf({ nodeName: "other" }), want: undefined },
  ]
  for (const { name, pod, path = "/pods", operation = "CREATE", want } of cases) {
    test(name, async () => {
      const { client, lookup } = setUp()
      const labels = { [zone]: "z1", "kubernetes.io/hostname": "n" }
      await client.resource(refs.nodes).create({ apiVersion: "v1", kind: "Node", metadata: { name: "n", labels } })
      await admit(new PodTopologyLabels({ lookup }), about(pod, path, { operation }))
      assert.deepEqual(pod.metadata.labels, want)
    })
  }
})

describe("DefaultStorageClass", () => {
  const mark = "storageclass.kubernetes.io/is-default-class"
  const cases: { name: string; claim: corev1.PersistentVolumeClaim; want: string | undefined }[] = [
    { name: "the newest of the default ones", claim: claimOf(), want: "newer" },
    { name: "none was wished", claim: claimOf({ storageClassName: "" }), want: "" },
    { name: "one was wished", claim: claimOf({ storageClassName: "slow" }), want: "slow" },
  ]
  for (const { name, claim, want } of cases) {
    test(name, async () => {
      const { client, lookup } = setUp()
      for (const [className, creationTimestamp, isDefault] of [
        ["older", "2026-01-01T00:00:00Z", "true"],
        ["newer", "2026-02-01T00:00:00Z", "true"],
        ["slow", "2026-03-01T00:00:00Z", "false"],
      ] as const) {
        await client.resource(refs.storageclasses).create({
          apiVersion: "storage.k8s.io/v1",
          kind: "StorageClass",
          metadata: { name: className, creationTimestamp, annotations: { [mark]: isDefault } },
          provisioner: "p",
        })
      }
      await admit(new DefaultStorageClass({ lookup }), about(claim, "/persistentvolumeclaims"))
      assert.equal(claim.spec?.storageClassName, want)
    })
  }
})

describe("LimitRanger", () => {
  const range = (item: corev1.LimitRangeItem): corev1.LimitRange => ({
    apiVersion: "v1",
    kind: "LimitRange",
    metadata: { name: "l", namespace: "a" },
    spec: { limits: [item] },
  })
  const resources = (requests: Record<string, string>, limits: Record<string, string> = {}) =>
    podOf({ containers: [{ name: "c", resources: { requests, limits } }] })
  const cases: { name: string; item: corev1.LimitRangeItem; pod: corev1.Pod; want?: RegExp }[] = [
    {
      name: "inside",
      item: { type: "Container", min: { cpu: "50m" }, max: { cpu: "1" } },
      pod: resources({ cpu: "100m" }, { cpu: "1" }),
    },
    {
      name: "below",
      item: { type: "Container", min: { cpu: "50m" } },
      pod: resources({ cpu: "10m" }),
      want: /minimum cpu usage per Container is 50m, but request is 10m/,
    },
    {
      name: "above",
      item: { type: "Container", max: { cpu: "1" } },
      pod: resources({ cpu: "1" }, { cpu: "2" }),
      want: /maximum cpu usage per Container is 1, but limit is 2/,
    },
    {
      name: "no limit",
      item: { type: "Pod", max: { memory: "1Gi" } },
      pod: resources({ memory: "1Gi" }),
      want: /maximum memory usage per Pod is 1Gi. {2}No limit is specified/,
    },
    {
      name: "the ratio",
      item: { type: "Container", maxLimitRequestRatio: { cpu: "2" } },
      pod: resources({ cpu: "100m" }, { cpu: "500m" }),
      want: /cpu max limit to request ratio per Container is 2, but provided ratio is 5/,
    },
    {
      name: "defaults",
      item: { type: "Container", default: { cpu: "1" }, defaultRequest: { cpu: "100m" }, max: { cpu: "1" } },
      pod: podOf(),
    },
  ]
  for (const { name, item, pod, want } of cases) {
    test(name, async () => {
      const done = admit(new LimitRanger({ limitRangesIn: () => [range(item)] }), about(pod, "/pods"))
      if (want) await assert.rejects(done, refused(want))
      else await done
      if (item.default) {
        const given = pod.spec?.containers[0]?.resources
        assert.deepEqual(given, { requests: { cpu: "100m" }, limits: { cpu: "1" } })
      }
    })
  }

  test("claims are held to what they may ask for", async () => {
    const item = { type: "PersistentVolumeClaim", min: { storage: "1Gi" }, max: { storage: "2Gi" } }
    const plugin = new LimitRanger({ limitRangesIn: () => [range(item)] })
    const claim = about(claimOf(), "/persistentvolumeclaims")
    await assert.rejects(
      admit(plugin, claim),
      refused(/maximum storage usage per PersistentVolumeClaim is 2Gi, but request is 5Gi/),
    )
  })
})

describe("RuntimeClass", () => {
  test("its overhead and its place are the pod's; an unknown one is refused", async () => {
    const { client, lookup } = setUp()
    await client.resource(refs.runtimeclasses).create({
      apiVersion: "node.k8s.io/v1",
      kind: "RuntimeClass",
      metadata: { name: "sandboxed" },
      handler: "runsc",
      overhead: { podFixed: { memory: "64Mi" } },
      scheduling: { nodeSelector: { sandbox: "yes" } },
    })
    const pod = podOf({ runtimeClassName: "sandboxed" })
    await admit(new RuntimeClass({ lookup }), about(pod, "/pods"))
    assert.deepEqual(pod.spec?.overhead, { memory: "64Mi" })
    assert.deepEqual(pod.spec?.nodeSelector, { sandbox: "yes" })
    const unknown = about(podOf({ runtimeClassName: "none" }), "/pods")
    await assert.rejects(admit(new RuntimeClass({ lookup }), unknown), refused(/RuntimeClass "none" not found/i))
  })
})

describe("what a quota with scopes speaks of", () => {
  const besteffort = podOf()
  const burstable = podOf({ containers: [{ name: "c", resources: { requests: { cpu: "1" } } }] })
  const ending = podOf({ activeDeadlineSeconds: 5 })
  const high = podOf({ priorityClassName: "high" })
  const near = { labelSelector: {}, topologyKey: "zone" }
  const crossing = podOf({
    affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ ...near, namespaces: ["b"] }] } },
  })
  const gold = claimOf({ volumeAttributesClassName: "gold" })
  const changing = claimOf(
    {},
    { status: { modifyVolumeStatus: { status: "Pending", targetVolumeAttributesClassName: "gold" } } },
  )
  const cases: { scope: string; operator?: string; values?: string[]; yes: KubeObject[]; no: KubeObject[] }[] = [
    { scope: "BestEffort", yes: [besteffort], no: [burstable, gold] },
    { scope: "NotBestEffort", yes: [burstable], no: [besteffort] },
    { scope: "Terminating", yes: [ending], no: [besteffort] },
    { scope: "NotTerminating", yes: [besteffort], no: [ending] },
    { scope: "PriorityClass", operator: "In", values: ["high"], yes: [high], no: [besteffort] },
    { scope: "PriorityClass", operator: "NotIn", values: ["high"], yes: [besteffort], no: [high] },
    { scope: "PriorityClass", operator: "Exists", yes: [high], no: [besteffort] },
    { scope: "PriorityClass", operator: "DoesNotExist", yes: [besteffort], no: [high] },
    { scope: "CrossNamespacePodAffinity", operator: "Exists", yes: [crossing], no: [besteffort] },
    {
      scope: "VolumeAttributesClass",
      operator: "In",
      values: ["gold"],
      yes: [gold, changing],
      no: [claimOf(), besteffort],
    },
    { scope: "VolumeAttributesClass", operator: "NotIn", values: ["gold"], yes: [claimOf()], no: [gold, changing] },
    { scope: "VolumeAttributesClass", operator: "Exists", yes: [gold], no: [claimOf()] },
    { scope: "VolumeAttributesClass", operator: "DoesNotExist", yes: [claimOf()], no: [gold] },
  ]
  for (const { scope, operator, values, yes, no } of cases) {
    test(`${scope} ${operator ?? ""}`, () => {
      const spec: corev1.ResourceQuotaSpec = operator
        ? { scopeSelector: { matchExpressions: [{ scopeName: scope, operator, ...(values ? { values } : {}) }] } }
        : { scopes: [scope] }
      const quota: corev1.ResourceQuota = { apiVersion: "v1", kind: "ResourceQuota", metadata: {}, spec }
      const covers = (object: KubeObject): boolean =>
        quotaCovers(quota, object, { group: "", resource: object.kind === "Pod" ? "pods" : "persistentvolumeclaims" })
      assert.deepEqual(
        yes.map(covers),
        yes.map(() => true),
      )
      assert.deepEqual(
        no.map(covers),
        no.map(() => false),
      )
    })
  }
})

describe("a reservation", () => {
  const demand = new Map([["pods", { nanos: 1_000_000_000n, format: "DecimalSI" as const }]])
  const quota = (hard: string | undefined, used: string | undefined): corev1.ResourceQuota => ({
    apiVersion: "v1",
    kind: "ResourceQuota",
    metadata: { name: "q" },
    status: { ...(hard ? { hard: { pods: hard } } : {}), ...(used ? { used: { pods: used } } : {}) },
  })
  const attributes = about(podOf(), "/pods")
  test("adds to what is used", () => {
    assert.deepEqual(planReservation(attributes, quota("2", "1"), demand), { pods: "2" })
  })
  test("is refused when all is used up", () => {
    assert.throws(
      () => planReservation(attributes, quota("2", "2"), demand),
      refused(/exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2/),
    )
  })
  test("waits until the quota was counted", () => {
    assert.throws(
      () => planReservation(attributes, quota("2", undefined), demand),
      refused(/status unknown for quota: q, resources: pods/),
    )
  })
})

test("a recount takes nothing back while a write that has reserved is on its way", async () => {
  const { client } = setUp()
  const quotas = client.resource(refs.resourcequotas)
  const status = (pods: string) => ({ hard: { pods: "5" }, used: { pods } })
  const quota = await quotas.create({
    apiVersion: "v1",
    kind: "ResourceQuota",
    metadata: { name: "q", namespace: "a" },
    spec: { hard: { pods: "5" } },
    status: status("1"),
  })
  const plugin = new ResourceQuota({ client, clock: new FakeClock(), quotasIn: () => [quota] })
  const write = about(podOf(), "/pods")
  await admit(plugin, write)
  const standing = await quotas.get("q", { namespace: "a" })
  assert.deepEqual(standing.status?.used, { pods: "2" })
  const recount = (pods: string) =>
    about({ ...standing, status: status(pods) } as KubeObject, "/resourcequotas/status", {
      operation: "UPDATE",
      previous: standing,
    })
  await assert.rejects(admit(plugin, recount("1")), (error: unknown) => (error as StatusError).code === 409)
  await admit(plugin, recount("3"))
  for (const done of write.whenDone ?? []) done()
  await admit(plugin, recount("1"))
})
