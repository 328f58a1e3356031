import assert from "node:assert/strict"
import { test } from "node:test"
import { formatQuantity } from "@ladya/apimachinery"
import type * as corev1 from "../generated/types/corev1.ts"
import { addUsage, type QuotaUsage, quotaCovers, quotaTarget, quotaUsage } from "./quota.ts"

const now = Date.parse("2024-01-01T00:00:00Z")
const pods = { group: "", resource: "pods" }

function texts(usage: QuotaUsage): Record<string, string> {
  return Object.fromEntries([...usage].map(([name, amount]) => [name, formatQuantity(amount)]))
}

function pod(spec: Partial<corev1.PodSpec>, status: corev1.PodStatus = {}): corev1.Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p" },
    spec: {
      containers: [
        { name: "c", resources: { requests: { cpu: "100m", "example.com/gpu": "2" }, limits: { cpu: "1" } } },
      ],
      ...spec,
    },
    status,
  }
}

test("a pod uses what it asks for, until it has ended", () => {
  const running = quotaUsage(pod({}), pods, now)
  assert.deepEqual(texts(running), {
    "count/pods": "1",
    pods: "1",
    "requests.cpu": "100m",
    cpu: "100m",
    "requests.example.com/gpu": "2",
    "limits.cpu": "1",
  })
  assert.deepEqual(texts(quotaUsage(pod({}, { phase: "Succeeded" }), pods, now)), { "count/pods": "1" })
  const sum: QuotaUsage = new Map()
  for (let i = 0; i < 3; i++) addUsage(sum, running)
  assert.equal(texts(sum)["requests.cpu"], "300m")
})

test("Services count by type, claims by storage class", () => {
  const service: corev1.Service = {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "s" },
    spec: { type: "LoadBalancer", ports: [{ port: 1 }, { port: 2 }] },
  }
  assert.deepEqual(texts(quotaUsage(service, { group: "", resource: "services" }, now)), {
    "count/services": "1",
    services: "1",
    "services.loadbalancers": "1",
    "services.nodeports": "2",
  })
  const claim: corev1.PersistentVolumeClaim = {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { name: "c" },
    spec: { storageClassName: "fast", resources: { requests: { storage: "1Gi" } } },
  }
  const usage = texts(quotaUsage(claim, { group: "", resource: "persistentvolumeclaims" }, now))
  assert.equal(usage["requests.storage"], "1Gi")
  assert.equal(usage["fast.storageclass.storage.k8s.io/requests.storage"], "1Gi")
  assert.equal(usage["fast.storageclass.storage.k8s.io/persistentvolumeclaims"], "1")
})

test("names say what they count", () => {
  for (const [name, target] of [
    ["pods", pods],
    ["cpu", pods],
    ["requests.example.com/gpu", pods],
    ["count/deployments.apps", { group: "apps", resource: "deployments" }],
    ["count/configmaps", { group: "", resource: "configmaps" }],
    ["services.nodeports", { group: "", resource: "services" }],
    ["requests.storage", { group: "", resource: "persistentvolumeclaims" }],
    ["nonsense", undefined],
  ] as const) {
    assert.deepEqual(quotaTarget(name), target, name)
  }
})

test("scopes choose among pods", () => {
  const quota = (spec: corev1.ResourceQuotaSpec): corev1.ResourceQuota => ({
    apiVersion: "v1",
    kind: "ResourceQuota",
    metadata: { name: "q" },
    spec,
  })
  const plain = pod({})
  const bestEffort = pod({ containers: [{ name: "c" }] })
  const ending = pod({ activeDeadlineSeconds: 5, priorityClassName: "high" })
  const cases: [corev1.ResourceQuotaSpec, boolean[]][] = [
    [{}, [true, true, true]],
    [{ scopes: ["BestEffort"] }, [false, true, false]],
    [{ scopes: ["NotBestEffort", "NotTerminating"] }, [true, false, false]],
    [{ scopes: ["Terminating"] }, [false, false, true]],
    [
      { scopeSelector: { matchExpressions: [{ scopeName: "PriorityClass", operator: "In", values: ["high"] }] } },
      [false, false, true],
    ],
  ]
  for (const [spec, wanted] of cases) {
    const covered = [plain, bestEffort, ending].map((one) => quotaCovers(quota(spec), one, pods))
    assert.deepEqual(covered, wanted, JSON.stringify(spec))
  }
  assert.equal(quotaCovers(quota({ scopes: ["BestEffort"] }), plain, { group: "", resource: "services" }), false)
})
