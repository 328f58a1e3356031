import assert from "node:assert/strict"
import { test } from "node:test"
import type { coordinationv1, corev1 } from "@ladya/api"
import { FakeClock } from "@ladya/util"
import { controllersConfig } from "../config.ts"
import { NodeHealth, silentConditions } from "./health.ts"
import { taintsOf } from "./taints.ts"
import { EvictionGate, zoneState } from "./zones.ts"

const now = 1_700_000_000_000

function node(name: string, conditions: Record<string, string>, more: Partial<corev1.NodeSpec> = {}): corev1.Node {
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name, labels: { "topology.kubernetes.io/zone": name.split("-")[0] ?? "" } },
    spec: more,
    status: { conditions: Object.entries(conditions).map(([type, status]) => ({ type, status })) },
  }
}

const taintCases: { name: string; node: corev1.Node; mayEvict?: boolean; mustNot?: boolean; wanted: string[] }[] = [
  { name: "a ready node has none", node: node("n", { Ready: "True" }), wanted: [] },
  { name: "not ready", node: node("n", { Ready: "False" }), wanted: ["not-ready:NoSchedule"] },
  {
    name: "unreachable, its turn has come",
    node: node("n", { Ready: "Unknown" }),
    mayEvict: true,
    wanted: ["unreachable:NoSchedule", "unreachable:NoExecute"],
  },
  {
    name: "from not ready to unreachable without waiting for its turn again",
    node: node("n", { Ready: "Unknown" }, { taints: [{ key: "node.kubernetes.io/not-ready", effect: "NoExecute" }] }),
    wanted: ["unreachable:NoSchedule", "unreachable:NoExecute"],
  },
  {
    name: "ready again",
    node: node(
      "n",
      { Ready: "True" },
      {
        taints: [
          { key: "mine", effect: "NoExecute" },
          { key: "node.kubernetes.io/unreachable", effect: "NoExecute" },
        ],
      },
    ),
    wanted: ["mine:NoExecute"],
  },
  {
    name: "everything is away: nobody is evicted",
    node: node("n", { Ready: "Unknown" }, { taints: [{ key: "node.kubernetes.io/unreachable", effect: "NoExecute" }] }),
    mustNot: true,
    wanted: ["unreachable:NoSchedule"],
  },
  {
    name: "pressure and cordon",
    node: node("n", { Ready: "True", DiskPressure: "True", NetworkUnavailable: "True" }, { unschedulable: true }),
    wanted: ["disk-pressure:NoSchedule", "network-unavailable:NoSchedule", "unschedulable:NoSchedule"],
  },
]

for (const { name, node: subject, mayEvict = false, mustNot = false, wanted } of taintCases) {
  test(`taints: ${name}`, () => {
    const taints = taintsOf(subject, mayEvict, mustNot, now)
    const texts = taints.map(({ key, effect }) => `${key.replace("node.kubernetes.io/", "")}:${effect}`)
    assert.deepEqual(texts, wanted)
    const settled = { ...subject, spec: { ...subject.spec, taints: [...taints] } }
    assert.equal(taintsOf(settled, mayEvict, mustNot, now), settled.spec.taints, "not at rest")
  })
}

test("zones: a few nodes away are no disruption", () => {
  assert.equal(zoneState(10, 0, 0.55), "normal")
  assert.equal(zoneState(0, 2, 0.55), "fullDisruption")
  assert.equal(zoneState(1, 2, 0.55), "normal")
  assert.equal(zoneState(1, 3, 0.55), "partialDisruption")
})

test("nodes are let go one in ten seconds, none in a small zone of which most is away", async () => {
  const clock = new FakeClock()
  const gate = new EvictionGate(clock, controllersConfig())
  const healthy = Array.from({ length: 10 }, (_, index) => node(`a-${index}`, { Ready: "True" }))
  const away = Array.from({ length: 3 }, (_, index) => node(`a-x${index}`, { Ready: "Unknown" }))
  assert.equal(gate.admit([...healthy, ...away], away).length, 1)
  assert.equal(gate.admit([...healthy, ...away], away.slice(1)).length, 0)
  await clock.advance(10_000)
  assert.equal(gate.admit([...healthy, ...away], away.slice(1)).length, 1)
  assert.equal(gate.admit([...healthy.slice(0, 2), ...away], away).length, 0)
  assert.equal(gate.isAllDisrupted, false)
  assert.equal(gate.admit(away, away).length, 0)
  assert.equal(gate.isAllDisrupted, true)
})

test("a node is silent when neither its Lease nor its status moves for the grace period", () => {
  const health = new NodeHealth()
  const graces = { graceMs: 40_000, startupGraceMs: 60_000 }
  const subject = node("n", { Ready: "True" })
  const lease = (renewTime: string): coordinationv1.Lease => ({
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: {},
    spec: { renewTime },
  })
  assert.equal(health.isSilent(subject, lease("1"), 0, graces), false)
  assert.equal(health.isSilent(subject, lease("1"), 40_000, graces), false)
  assert.equal(health.isSilent(subject, lease("1"), 40_001, graces), true)
  assert.equal(health.isSilent(subject, lease("2"), 40_002, graces), false)
  const young = node("young", {})
  assert.equal(health.isSilent(young, undefined, 0, graces), false)
  assert.equal(health.isSilent(young, undefined, 60_000, graces), false)
  assert.equal(health.isSilent(young, undefined, 60_001, graces), true)
})

test("a silent node's conditions become Unknown once", () => {
  const subject = node("n", { Ready: "True", MemoryPressure: "False", Custom: "True" })
  const conditions = silentConditions(subject, now)
  assert.deepEqual(
    conditions.map(({ type, status, reason }) => `${type} ${status} ${reason ?? ""}`.trim()),
    [
      "Ready Unknown NodeStatusUnknown",
      "MemoryPressure Unknown NodeStatusUnknown",
      "Custom True",
      "DiskPressure Unknown NodeStatusNeverUpdated",
      "PIDPressure Unknown NodeStatusNeverUpdated",
    ],
  )
  const settled = { ...subject, status: { conditions: [...conditions] } }
  assert.equal(silentConditions(settled, now + 1), settled.status.conditions)
})
