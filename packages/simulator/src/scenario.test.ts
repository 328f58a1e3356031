import assert from "node:assert/strict"
import { test } from "node:test"
import { parseDuration, ScenarioError } from "./fields.ts"
import { parseScenario } from "./scenario.ts"

test("times are written as people do", () => {
  assert.deepEqual(
    ["90s", "1h30m", "250ms", "2d", "0.5s"].map(parseDuration),
    [90_000, 5_400_000, 250, 172_800_000, 500],
  )
  assert.deepEqual(["", "5", "1 h", "x", "5s!"].map(parseDuration), [
    undefined,
    undefined,
    undefined,
    undefined,
    undefined,
  ])
})

test("a scenario has defaults for all but its nodes, and takes further documents for objects", () => {
  const scenario = parseScenario(
    "nodes: [{ count: 2 }]\n---\napiVersion: v1\nkind: Namespace\nmetadata: { name: team }\n",
  )
  assert.equal(scenario.durationMs, 30 * 60_000)
  assert.deepEqual(scenario.nodes[0]?.capacity, { cpu: "4", memory: "8Gi", pods: "110" })
  assert.deepEqual(
    scenario.objects.map(({ kind }) => kind),
    ["Namespace"],
  )
})

test("every wrong field is named at once", () => {
  const text = `
duration: soon
nodes: [{ count: -1, cpus: 4 }]
pods: { startup: [5s, 1s], failing: 2 }
objects: [{ kind: Pod }]
steps:
  - at: 1m
  - at: 2m
    scale: { target: web, replicas: 2 }
`
  assert.throws(
    () => parseScenario(text),
    (error: unknown) => {
      assert.ok(error instanceof ScenarioError)
      assert.deepEqual(
        error.problems.map((problem) => problem.slice(0, problem.indexOf(":"))),
        [
          "duration",
          "nodes[0].cpus",
          "nodes[0].count",
          "pods.startup",
          "pods.failing",
          "objects[0]",
          "objects[0].metadata.name",
          "steps[0]",
          "steps[1].scale.target",
        ],
      )
      return true
    },
  )
})
