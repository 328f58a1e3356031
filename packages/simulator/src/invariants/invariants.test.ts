import assert from "node:assert/strict"
import { test } from "node:test"
import type { KubeObject } from "@ladya/apimachinery"
import { FakeClock } from "@ladya/util"
import { newDisruptionBudgets } from "./disruption-budgets.ts"
import { newIdentities } from "./identities.ts"
import type { Pod, World } from "./invariant.ts"
import { newPlacement } from "./placement.ts"
import { newQuotas } from "./quotas.ts"
import { newAvailability, newSurge } from "./rollouts.ts"

// Each invariant is shown a cluster that breaks it: one that cannot fail would show nothing.

const namespace = "default"

function view(objects: readonly unknown[] = []) {
  const all = objects as KubeObject[]
  return {
    list: () => all,
    inNamespace: (name: string) => all.filter(({ metadata }) => metadata.namespace === name),
    get: (key: { namespace: string; name: string }) =>
      all.find(({ metadata }) => metadata.name === key.name && (metadata.namespace ?? "") === key.namespace),
  }
}

function world(objects: Partial<Record<keyof World, readonly unknown[]>>): World {
  const names = ["pods", "nodes", "deployments", "replicaSets", "statefulSets", "jobs", "budgets", "quotas"] as const
  const views = names.map((name) => [name, view(objects[name] as readonly unknown[] | undefined)])
  return { clock: new FakeClock(), ...Object.fromEntries(views) } as unknown as World
}

function pod(name: string, change: { ready?: boolean; spec?: object; evicted?: boolean; ending?: boolean } = {}): Pod {
  const conditions = [{ type: "Ready", status: change.ready === false ? "False" : "True" }]
  if (change.evicted)
    conditions.push({ type: "DisruptionTarget", status: "True", reason: "EvictionByEvictionAPI" } as never)
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name,
      namespace,
      uid: name,
      labels: { app: "web" },
      ownerReferences: [{ apiVersion: "apps/v1", kind: "ReplicaSet", name: "web-1", uid: "rs", controller: true }],
      ...(change.ending ? { deletionTimestamp: "2030-01-01T00:00:00Z" } : {}),
    },
    spec: { containers: [{ name: "main", resources: { requests: { cpu: "1" } } }], ...change.spec },
    status: { phase: "Running", conditions },
  } as unknown as Pod
}

const deployment = {
  metadata: { name: "web", namespace, uid: "d" },
  spec: { replicas: 3, strategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } } },
}
const replicaSet = { metadata: { name: "web-1", namespace, uid: "rs", ownerReferences: [{ name: "web" }] } }
const owners = { deployments: [deployment], replicaSets: [replicaSet] }

test("an eviction below the budget", () => {
  const budget = {
    metadata: { name: "web", namespace },
    spec: { minAvailable: 2, selector: { matchLabels: { app: "web" } } },
  }
  const evicted = pod("c", { evicted: true, ending: true })
  const change = { type: "update" as const, pod: evicted, previous: pod("c") }
  const invariant = newDisruptionBudgets()
  assert.equal(invariant.onPod?.(change, world({ budgets: [budget], pods: [pod("a"), pod("b"), evicted] })), undefined)
  assert.match(
    invariant.onPod?.(change, world({ budgets: [budget], pods: [pod("a"), pod("b", { ready: false }), evicted] })) ??
      "",
    /1 healthy pods left, where web wants 2/,
  )
})

test("two holders of one name", () => {
  const invariant = newIdentities()
  assert.equal(invariant.onStart?.("default/db-0", "1", "a"), undefined)
  assert.match(invariant.onStart?.("default/db-0", "2", "b") ?? "", /runs 2 times, on a and b/)
  invariant.onStop?.("default/db-0", "1")
  invariant.onStop?.("default/db-0", "2")
  assert.equal(invariant.onStart?.("default/db-0", "3", "a"), undefined)
})

test("a node that is promised to more pods than it can hold, and a pod that moves", () => {
  const node = { metadata: { name: "n" }, status: { allocatable: { cpu: "2", memory: "8Gi", pods: "2" } } }
  const on = { spec: { nodeName: "n" } }
  const bound = { type: "update" as const, pod: pod("c", on), previous: pod("c") }
  const invariant = newPlacement()
  assert.equal(invariant.onPod?.(bound, world({ nodes: [node], pods: [pod("a", on), pod("c", on)] })), undefined)
  const three = world({ nodes: [node], pods: [pod("a", on), pod("b", on), pod("c", on)] })
  assert.match(invariant.onPod?.(bound, three) ?? "", /node n holds 3 pods/)
  const moved = { type: "update" as const, pod: pod("c", { spec: { nodeName: "m" } }), previous: pod("c", on) }
  assert.match(invariant.onPod?.(moved, three) ?? "", /was moved from n to m/)
})

test("a quota that is exceeded", () => {
  const quota = { metadata: { name: "q", namespace }, spec: { hard: { pods: "2" } } }
  const change = { type: "add" as const, pod: pod("c") }
  const invariant = newQuotas()
  assert.equal(invariant.onPod?.(change, world({ quotas: [quota], pods: [pod("a"), pod("c")] })), undefined)
  const three = world({ quotas: [quota], pods: [pod("a"), pod("b"), pod("c")] })
  assert.match(invariant.onPod?.(change, three) ?? "", /brings pods to 3, where q allows 2/)
})

test("a rollout above its surge, and one below its available pods", () => {
  const surge = newSurge()
  const added = { type: "add" as const, pod: pod("e") }
  const four = ["a", "b", "c", "d"].map((name) => pod(name))
  assert.equal(surge.onPod?.(added, world({ ...owners, pods: four })), undefined)
  assert.match(surge.onPod?.(added, world({ ...owners, pods: [...four, pod("e")] })) ?? "", /makes 5 pods/)

  const availability = newAvailability()
  const seen = world({ ...owners, pods: four })
  for (const one of four) availability.onPod?.({ type: "add", pod: one }, seen)
  const ending = pod("d", { ending: true })
  const told = { type: "update" as const, pod: ending, previous: pod("d") }
  assert.equal(availability.onPod?.(told, world({ ...owners, pods: [...four.slice(0, 3), ending] })), undefined)
  const alone = world({ ...owners, pods: [...four.slice(0, 2), ending] })
  assert.match(
    availability.onPod?.(told, alone) ?? "",
    /leaves 2 available pods of default\/web, where 3 - 0 are wanted/,
  )
})
