import assert from "node:assert/strict"
import { test } from "node:test"
import type { corev1 } from "@ladya/api"
import { observedContainer, observedPod, observedSandbox, testPod } from "../../testing/pods.ts"
import { containerResizes, grantedBefore, planResize, type Resources, withResources } from "./resize.ts"

const node: corev1.Node = {
  ...{ apiVersion: "v1", kind: "Node", metadata: { name: "n1" } },
  status: { allocatable: { cpu: "2", memory: "1Gi" } },
}
const pod = (cpu: string, more: Partial<corev1.Container> = {}) =>
  testPod([{ name: "a", resources: { requests: { cpu } }, ...more }])

const plans: { name: string; asked: string; granted: string; others?: string[]; expected: string }[] = [
  { name: "nothing changed", asked: "1", granted: "1", expected: "none" },
  { name: "more", asked: "2", granted: "1", expected: "grant" },
  { name: "less", asked: "1", granted: "2", expected: "grant" },
  {
    name: "more than the node has",
    asked: "3",
    granted: "1",
    expected: "pending Infeasible Node didn't have enough capacity: cpu, requested: 3000, capacity: 2000",
  },
  {
    name: "more than is left",
    asked: "2",
    granted: "1",
    others: ["500m"],
    expected: "pending Deferred Node didn't have enough resource: cpu, requested: 2000, used: 500, capacity: 2000",
  },
]
for (const { name, asked, granted, others = [], expected } of plans) {
  test(`resize: ${name}`, () => {
    const plan = planResize(pod(asked), pod(granted), { node, others: others.map((cpu) => pod(cpu)) })
    assert.equal(plan.kind === "pending" ? `pending ${plan.reason} ${plan.message}` : plan.kind, expected)
  })
}

test("what was granted before this agent is what the status was told", () => {
  const asked = pod("2")
  asked.status = {
    containerStatuses: [
      { name: "a", image: "", imageID: "", ready: true, restartCount: 0, resources: { requests: { cpu: "1" } } },
    ],
  }
  const granted = withResources(asked, grantedBefore(asked))
  assert.deepEqual(granted.spec?.containers[0]?.resources, { requests: { cpu: "1" } })
  assert.equal(asked.spec?.containers[0]?.resources?.requests?.["cpu"], "2")
})

const made = (resources: Resources | undefined) =>
  observedContainer("a running", {
    annotations: resources ? { "ladya.dev/container.resources": JSON.stringify(resources) } : {},
  })
const resizePolicy = [{ resourceName: "memory", restartPolicy: "RestartContainer" }]

const resizes: { name: string; has: Resources | undefined; applied?: Resources; wants: Resources; expected: string }[] =
  [
    { name: "it has what it should", has: { limits: { cpu: "1" } }, wants: { limits: { cpu: "1000m" } }, expected: "" },
    { name: "its CPU changes", has: { limits: { cpu: "1" } }, wants: { limits: { cpu: "2" } }, expected: "update" },
    { name: "a limit goes", has: { limits: { cpu: "1" } }, wants: {}, expected: "update" },
    {
      name: "its memory changes, for which it must be restarted",
      has: { limits: { memory: "1Mi" } },
      wants: { limits: { memory: "2Mi" } },
      expected: "restart",
    },
    { name: "nobody noted what it has", has: undefined, wants: { limits: { memory: "2Mi" } }, expected: "update" },
    {
      name: "it was changed already",
      has: { limits: { cpu: "1" } },
      applied: { limits: { cpu: "2" } },
      wants: { limits: { cpu: "2" } },
      expected: "",
    },
  ]
for (const { name, has, applied, wants, expected } of resizes) {
  test(`container resize: ${name}`, () => {
    const granted = testPod([{ name: "a", resources: wants, resizePolicy }])
    const changes = containerResizes(
      granted,
      observedPod([made(has)]),
      observedSandbox(),
      new Map(applied ? [["a0", applied]] : []),
    )
    assert.equal(changes.map(({ restart }) => (restart ? "restart" : "update")).join(), expected)
  })
}
