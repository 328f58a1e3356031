import assert from "node:assert/strict"
import { test } from "node:test"
import type { corev1 } from "@ladya/api"
import { formatTime } from "@ladya/apimachinery"
import { deletionCost, planReplicas, podsToDelete } from "./plan.ts"

const now = 1_700_000_000_000

interface Traits {
  node?: string
  phase?: string
  /** Ready since so many seconds. */
  readyFor?: number
  cost?: string
  restarts?: number
  /** Created so many seconds ago. */
  age?: number
}

function pod(name: string, { node = "n", phase = "Running", readyFor, cost, restarts, age = 100 }: Traits): corev1.Pod {
  const ready = { type: "Ready", status: readyFor === undefined ? "False" : "True" }
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name,
      uid: name,
      creationTimestamp: formatTime(now - age * 1000),
      ...(cost === undefined ? {} : { annotations: { "controller.kubernetes.io/pod-deletion-cost": cost } }),
    },
    spec: { containers: [], nodeName: node },
    status: {
      phase,
      conditions: [{ ...ready, lastTransitionTime: formatTime(now - (readyFor ?? 0) * 1000) }],
      containerStatuses: [{ name: "c", restartCount: restarts ?? 0, image: "", imageID: "", ready: true }],
    },
  }
}

const cases: { name: string; first: Traits; second: Traits; counts?: Record<string, number> }[] = [
  { name: "unassigned before assigned", first: { node: "" }, second: {} },
  { name: "pending before running", first: { phase: "Pending" }, second: {} },
  { name: "unknown before running", first: { phase: "Unknown", readyFor: 10 }, second: { readyFor: 10 } },
  { name: "not ready before ready", first: {}, second: { readyFor: 10 } },
  { name: "cheap before dear", first: { readyFor: 10, cost: "-5" }, second: { readyFor: 10 } },
  {
    name: "where many of a kind run first",
    first: { readyFor: 10, node: "full" },
    second: { readyFor: 10 },
    counts: { full: 3, n: 1 },
  },
  { name: "ready for a short time first", first: { readyFor: 1 }, second: { readyFor: 1000 } },
  { name: "restarted more often first", first: { readyFor: 10, restarts: 5 }, second: { readyFor: 10 } },
  { name: "young before old", first: { readyFor: 10, age: 20 }, second: { readyFor: 10, age: 2000 } },
]

for (const { name, first, second, counts = {} } of cases) {
  test(`deleted first: ${name}`, () => {
    const active = [pod("second", second), pod("first", first)]
    for (const order of [active, active.toReversed()]) {
      const sorted = podsToDelete({ active: order, podsOnNode: (node) => counts[node] ?? 1, now })
      assert.deepEqual(
        sorted.map((one) => one.metadata.name),
        ["first", "second"],
      )
    }
  })
}

test("deletion costs that are no integers of 32 bits count as 0", () => {
  for (const [text, cost] of [
    ["7", 7],
    ["-7", -7],
    ["+7", 0],
    ["07", 0],
    ["1e3", 0],
    ["2147483648", 0],
  ] as const) {
    assert.equal(deletionCost(pod("p", { cost: text })), cost, text)
  }
})

test("creates what is missing and deletes what is too much, 500 at a time", () => {
  const active = Array.from({ length: 700 }, (_, index) => pod(`p${index}`, {}))
  const podsOnNode = (): number => 0
  assert.deepEqual(planReplicas({ desired: 700, active, podsOnNode, now }), { kind: "none" })
  assert.deepEqual(planReplicas({ desired: 703, active, podsOnNode, now }), { kind: "create", count: 3 })
  assert.deepEqual(planReplicas({ desired: 2000, active, podsOnNode, now }), { kind: "create", count: 500 })
  const plan = planReplicas({ desired: 0, active, podsOnNode, now })
  assert.equal(plan.kind === "delete" && plan.pods.length, 500)
})
