import assert from "node:assert/strict"
import { test } from "node:test"
import type { Plugin } from "../framework/plugin.ts"
import { ok } from "../framework/verdict.ts"
import { scoringStrategy } from "../plugins/node-resources-fit/strategies.ts"
import { assemble } from "./assemble.ts"
import { parseSchedulerConfiguration } from "./parse.ts"

const head = "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\n"

test("an empty configuration is the default profile", () => {
  const { profiles, extenders } = parseSchedulerConfiguration(head)
  assert.deepEqual([profiles.map(({ schedulerName }) => schedulerName), extenders], [["default-scheduler"], []])
})

test("profiles, plugins, arguments and extenders are read", () => {
  const configuration = parseSchedulerConfiguration(`${head}
podMaxBackoffSeconds: 20
profiles:
  - schedulerName: packing
    plugins:
      multiPoint: { disabled: [{ name: PodTopologySpread }] }
      score: { enabled: [{ name: NodeResourcesFit, weight: 5 }], disabled: [{ name: "*" }] }
    pluginConfig:
      - name: NodeResourcesFit
        args: { scoringStrategy: { type: MostAllocated } }
extenders:
  - urlPrefix: http://127.0.0.1:1/x/
    filterVerb: filter
    httpTimeout: 500ms
    managedResources: [{ name: example.com/gpu, ignoredByScheduler: true }]
`)
  assert.equal(configuration.common.podMaxBackoffMs, 20_000)
  const [profile] = configuration.profiles
  assert.deepEqual(profile?.plugins.score, { enabled: [{ name: "NodeResourcesFit", weight: 5 }], disabled: ["*"] })
  assert.deepEqual(profile?.args["NodeResourcesFit"], { scoringStrategy: { type: "MostAllocated" } })
  const [extender] = configuration.extenders
  assert.deepEqual([extender?.urlPrefix, extender?.timeoutMs], ["http://127.0.0.1:1/x", 500])
})

test("every wrong field is named", () => {
  assert.throws(
    () =>
      parseSchedulerConfiguration(`
apiVersion: v1
kind: KubeSchedulerConfiguration
percentageOfNodesToScore: 200
profiles:
  - plugins: { score: { enabled: [{ name: Nonsense }] }, sometimes: {} }
  - {}
extenders: [{ urlPrefix: ftp://x, prioritizeVerb: p }]
`),
    (error: Error) => {
      for (const path of [
        "apiVersion",
        "percentageOfNodesToScore",
        "profiles[0].plugins.score.enabled[0].name",
        "profiles[0].plugins",
        "profiles[1].schedulerName",
        "extenders[0].urlPrefix",
        "extenders[0].weight",
      ]) {
        assert.ok(error.message.includes(`${path}: `), `${path} in ${error.message}`)
      }
      return true
    },
  )
})

const plugin = (name: string): Plugin => ({ name, filter: () => ok, score: () => 0, normalize: () => undefined })
const available = ["A", "B", "C"].map((name) => ({ plugin: plugin(name), weight: 1 }))
const none = { enabled: [], disabled: [] }
const shown = (plugins: Parameters<typeof assemble>[0]["plugins"]) =>
  assemble({ schedulerName: "p", plugins, args: {} }, available).map(
    ({ plugin: { name, filter, score }, weight }) =>
      `${name}${filter ? " filter" : ""}${score ? ` score*${weight}` : ""}`,
  )

test("plugins are turned off everywhere, or at one point", () => {
  assert.deepEqual(shown({ multiPoint: { ...none, disabled: ["B"] } }), ["A filter score*1", "C filter score*1"])
  assert.deepEqual(shown({ score: { ...none, disabled: ["B"] } }), ["A filter score*1", "B filter", "C filter score*1"])
})

test("plugins are turned on at one point, with a weight, and put first", () => {
  const onlyB = { score: { enabled: [{ name: "B", weight: 7 }], disabled: ["*"] } }
  assert.deepEqual(shown(onlyB), ["A filter", "B filter score*7", "C filter"])
  const reordered = { multiPoint: { enabled: [{ name: "C", weight: 2 }], disabled: ["*"] } }
  assert.deepEqual(shown(reordered), ["C filter score*2"])
})

test("the strategies of NodeResourcesFit", () => {
  const score = (type: string, used: number, more: object = {}) =>
    scoringStrategy({ scoringStrategy: { type, ...more } }).score(used, 100)
  assert.deepEqual([score("LeastAllocated", 25), score("MostAllocated", 25)], [75, 25])
  const shape = [
    { utilization: 0, score: 0 },
    { utilization: 50, score: 10 },
    { utilization: 100, score: 2 },
  ]
  const ratio = (used: number) => score("RequestedToCapacityRatio", used, { requestedToCapacityRatio: { shape } })
  assert.deepEqual([0, 25, 50, 75, 100].map(ratio), [0, 50, 100, 60, 20])
  assert.throws(() => scoringStrategy({ scoringStrategy: { type: "Most" } }), /none of LeastAllocated/)
})
