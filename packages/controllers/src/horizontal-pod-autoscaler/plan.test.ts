import assert from "node:assert/strict"
import { describe, test } from "node:test"
import type { autoscalingv2, corev1 } from "@ladya/api"
import { type History, type NormalizeInput, noHistory, normalize, remember } from "./behavior.ts"
import type { Evaluated } from "./evaluate.ts"
import { planByBounds, planByMetrics } from "./plan.ts"
import type { PodMetric } from "./pods.ts"
import { planAverage, planUtilization, planValue, planValuePerPod } from "./replicas.ts"

const now = Date.parse("2026-01-01T01:00:00Z")
const long = "2026-01-01T00:00:00Z"
const tolerances = { up: 0.1, down: 0.1 }

type PodKind = "ready" | "unready" | "pending" | "starting" | "deleted" | "failed"

function podOf(name: string, kind: PodKind, request = "1000m"): corev1.Pod {
  const isReady = kind === "ready" || kind === "starting"
  const startTime = kind === "starting" ? "2026-01-01T00:59:30Z" : long
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, ...(kind === "deleted" ? { deletionTimestamp: long } : {}) },
    spec: { containers: [{ name: "c", resources: { requests: { cpu: request } } }] },
    status: {
      phase: kind === "pending" ? "Pending" : kind === "failed" ? "Failed" : "Running",
      startTime,
      conditions: [{ type: "Ready", status: isReady ? "True" : "False", lastTransitionTime: startTime }],
    },
  }
}

/** Thousandths by pod; undefined: no metric. A starting pod's metric was taken before it was ready. */
function metricsOf(kinds: readonly PodKind[], values: readonly (number | undefined)[]): Map<string, PodMetric> {
  const metrics = new Map<string, PodMetric>()
  for (const [at, value] of values.entries()) {
    if (value === undefined) continue
    const when = kinds[at] === "starting" ? Date.parse("2026-01-01T00:59:31Z") : now
    metrics.set(`p${at}`, { value, at: when, windowMs: 15_000 })
  }
  return metrics
}

describe("utilization", () => {
  const cases: {
    name: string
    current: number
    kinds?: PodKind[]
    values: (number | undefined)[]
    target: number
    tolerances?: typeof tolerances
    want: number | RegExp
    utilization?: number
  }[] = [
    { name: "grows", current: 3, values: [300, 500, 700], target: 30, want: 5, utilization: 50 },
    { name: "shrinks", current: 5, values: [100, 300, 500, 250, 250], target: 50, want: 3, utilization: 28 },
    { name: "is within tolerance", current: 2, values: [1010, 1030], target: 100, want: 2 },
    {
      name: "a tolerance of its own",
      current: 2,
      values: [1010, 1050],
      target: 100,
      tolerances: { up: 0.02, down: 0.1 },
      want: 3,
    },
    {
      name: "unready pods damp growth",
      current: 3,
      kinds: ["starting", "ready", "ready"],
      values: [300, 500, 700],
      target: 30,
      want: 4,
      utilization: 60,
    },
    {
      name: "pods that never were ready count as idle",
      current: 3,
      kinds: ["unready", "ready", "ready"],
      values: [400, 500, 700],
      target: 30,
      want: 4,
    },
    {
      name: "unready pods may hold growth back altogether",
      current: 3,
      kinds: ["unready", "unready", "ready"],
      values: [100, 200, 950],
      target: 60,
      want: 3,
    },
    {
      name: "pending pods count as idle",
      current: 3,
      kinds: ["ready", "ready", "pending"],
      values: [600, 600, undefined],
      target: 30,
      want: 4,
    },
    {
      name: "failed and deleted pods do not count",
      current: 4,
      kinds: ["ready", "ready", "failed", "deleted"],
      values: [1000, 1000, 5000, 5000],
      target: 50,
      want: 4,
    },
    {
      name: "a missing metric counts as busy when it would shrink",
      current: 4,
      values: [400, 400, 400, undefined],
      target: 80,
      want: 3,
    },
    { name: "and as idle when it would grow", current: 3, values: [800, 900, undefined], target: 50, want: 4 },
    { name: "never against the direction", current: 2, values: [500, undefined], target: 100, want: 2 },
    {
      name: "no metrics at all",
      current: 2,
      values: [undefined, undefined],
      target: 50,
      want: /did not receive metrics for targeted pods/,
    },
    {
      name: "no pods",
      current: 2,
      kinds: [],
      values: [],
      target: 50,
      want: /no pods returned by selector while calculating replica count/,
    },
  ]
  for (const { name, current, values, target, want, utilization, ...more } of cases) {
    test(name, () => {
      const kinds = more.kinds ?? values.map((): PodKind => "ready")
      const plan = () =>
        planUtilization({
          ...{ current, target, resource: "cpu", container: "", now, tolerances: more.tolerances ?? tolerances },
          pods: kinds.map((kind, at) => podOf(`p${at}`, kind)),
          metrics: metricsOf(kinds, values),
        })
      if (want instanceof RegExp) assert.throws(plan, want)
      else {
        assert.equal(plan().replicas, want)
        if (utilization !== undefined) assert.equal(plan().utilization, utilization)
      }
    })
  }

  test("pods must say what they ask for", () => {
    const pod = podOf("p0", "ready")
    pod.spec = { containers: [{ name: "c" }] }
    const input = { current: 1, target: 50, resource: "cpu", container: "", now, tolerances }
    assert.throws(
      () => planUtilization({ ...input, pods: [pod], metrics: metricsOf(["ready"], [1]) }),
      /missing request for cpu in container c of Pod p0/,
    )
  })
})

describe("averages and values", () => {
  const average = (current: number, values: (number | undefined)[], target: number) => {
    const kinds = values.map((): PodKind => "ready")
    const pods = kinds.map((kind, at) => podOf(`p${at}`, kind))
    return planAverage({ current, target, resource: "", now, tolerances, pods, metrics: metricsOf(kinds, values) })
  }
  test("an average grows and shrinks", () => {
    assert.deepEqual(average(3, [20_000, 10_000, 30_000], 15_000), { replicas: 4, usage: 20_000 })
    assert.equal(average(3, [5_000, 5_000, 5_000], 15_000).replicas, 1)
    assert.equal(average(3, [10_000, 10_000, undefined], 20_000).replicas, 2, "the missing one at its target")
  })
  const value = (current: number, usage: number, target: number) =>
    planValue({ current, ready: current, usage, target, tolerances }).replicas
  test("a value for the whole is shared by the pods that are ready", () => {
    assert.deepEqual([value(3, 20_000, 15_000), value(3, 15_500, 15_000), value(4, 5_000, 10_000)], [4, 3, 2])
  })
  test("from zero the ratio itself is the number", () => {
    assert.deepEqual([value(0, 30_000, 10_000), value(0, 0, 10_000)], [3, 0])
  })
  test("a value per pod", () => {
    const of = (present: number, usage: number, target: number) =>
      planValuePerPod({ present, usage, target, tolerances })
    assert.deepEqual(of(3, 8_600, 2_000), { replicas: 5, usage: 2867 })
    assert.deepEqual(of(3, 6_100, 2_000), { replicas: 3, usage: 2034 })
    assert.deepEqual(of(0, 4_000, 2_000), { replicas: 2, usage: 4_000 })
  })
})

describe("what of a wish is carried out", () => {
  const fast: autoscalingv2.HPAScalingRules = { policies: [{ type: "Percent", value: 1000, periodSeconds: 15 }] }
  const rules = (type: string, value: number, more: Partial<autoscalingv2.HPAScalingRules> = {}) => ({
    policies: [{ type, value, periodSeconds: 60 }],
    stabilizationWindowSeconds: 0,
    ...more,
  })
  const wished = (replicas: number, secondsAgo: number): History => ({
    ...noHistory,
    recommendations: [{ replicas, at: now - secondsAgo * 1000 }],
  })
  const grew = (change: number, secondsAgo: number): History => ({
    ...noHistory,
    ups: [{ change, at: now - secondsAgo * 1000 }],
  })
  const shrank = (change: number, secondsAgo: number): History => ({
    ...noHistory,
    downs: [{ change, at: now - secondsAgo * 1000 }],
  })
  const cases: (Partial<NormalizeInput> & { name: string; want: number; limit?: string; held?: string })[] = [
    { name: "as wished", current: 2, desired: 3, want: 3, limit: "DesiredWithinRange" },
    { name: "twice as many at most", current: 5, desired: 30, max: 100, want: 10, limit: "ScaleUpLimit" },
    { name: "but four from few", current: 1, desired: 30, max: 100, want: 4, limit: "ScaleUpLimit" },
    { name: "the maximum", current: 5, desired: 9, max: 8, want: 8, limit: "TooManyReplicas" },
    { name: "the minimum", current: 5, desired: 1, min: 2, want: 2, limit: "TooFewReplicas" },
    {
      name: "the highest wish of five minutes",
      current: 8,
      desired: 2,
      history: wished(6, 200),
      want: 6,
      held: "ScaleDownStabilized",
    },
    { name: "an older one no more", current: 8, desired: 2, history: wished(6, 301), want: 2 },
    {
      name: "behaviour: pods a minute",
      current: 5,
      desired: 50,
      max: 100,
      behavior: { scaleUp: rules("Pods", 4) },
      want: 9,
      limit: "ScaleUpLimit",
    },
    {
      name: "behaviour: what came already counts",
      current: 7,
      desired: 50,
      max: 100,
      behavior: { scaleUp: rules("Pods", 4) },
      history: grew(2, 30),
      want: 9,
    },
    {
      name: "behaviour: percent, rounded up",
      current: 3,
      desired: 50,
      max: 100,
      behavior: { scaleUp: rules("Percent", 10) },
      want: 4,
    },
    {
      name: "behaviour: percent down",
      current: 10,
      desired: 1,
      behavior: { scaleDown: rules("Percent", 25) },
      want: 7,
      limit: "ScaleDownLimit",
    },
    {
      name: "behaviour: what went already counts",
      current: 8,
      desired: 1,
      behavior: { scaleDown: rules("Pods", 4) },
      history: shrank(2, 30),
      want: 6,
    },
    {
      name: "behaviour: not down at all",
      current: 10,
      desired: 1,
      behavior: { scaleDown: rules("Pods", 1, { selectPolicy: "Disabled" }) },
      want: 10,
    },
    {
      name: "behaviour: the most careful policy",
      ...{ current: 10, desired: 100, max: 200, want: 12 },
      behavior: {
        scaleUp: {
          selectPolicy: "Min",
          policies: [
            { type: "Pods", value: 2, periodSeconds: 60 },
            { type: "Percent", value: 100, periodSeconds: 60 },
          ],
        },
      },
    },
    {
      name: "behaviour: held down while lower was wished",
      current: 3,
      desired: 9,
      behavior: { scaleUp: { ...fast, stabilizationWindowSeconds: 60 } },
      history: wished(4, 30),
      want: 4,
      held: "ScaleUpStabilized",
    },
    {
      name: "behaviour: held up while higher was wished",
      current: 9,
      desired: 3,
      behavior: { scaleDown: { ...rules("Percent", 100), stabilizationWindowSeconds: 60 } },
      history: wished(7, 30),
      want: 7,
      held: "ScaleDownStabilized",
    },
  ]
  for (const { name, want, limit, held, ...input } of cases) {
    test(name, () => {
      const found = normalize({
        ...{ current: 1, desired: 1, min: 1, max: 10, behavior: undefined, history: noHistory, now },
        ...input,
      })
      assert.equal(found.replicas, want)
      if (limit) assert.equal(found.limit.reason, limit)
      assert.equal(found.stabilized?.reason, held)
    })
  }

  test("history forgets what is older than any window", () => {
    const history = remember(wished(3, 3601), { recommendation: 4, from: 2, to: 4 }, now)
    assert.deepEqual(history, { recommendations: [{ replicas: 4, at: now }], ups: [{ change: 2, at: now }], downs: [] })
  })
})

describe("all metrics together", () => {
  const spec: autoscalingv2.HorizontalPodAutoscalerSpec = {
    scaleTargetRef: { kind: "Deployment", name: "d" },
    minReplicas: 2,
    maxReplicas: 10,
  }
  const valid = (replicas: number, name: string): Evaluated => ({
    kind: "valid",
    replicas,
    name,
    status: { type: name },
  })
  const wrong: Evaluated = { kind: "invalid", reason: "FailedGetResourceMetric", message: "none" }
  const plan = (current: number, metrics: Evaluated[]) =>
    planByMetrics({ spec, current, metrics, history: noHistory, now })
  const conditionOf = ({ conditions }: { conditions: readonly { type: string; reason?: string }[] }, type: string) =>
    conditions.find((one) => one.type === type)?.reason

  test("the largest proposal wins and is named", () => {
    const found = plan(3, [valid(4, "cpu resource"), valid(6, "pods metric qps")])
    assert.deepEqual([found.desired, found.reason], [6, "pods metric qps above target"])
    assert.equal(conditionOf(found, "ScalingActive"), "ValidMetricFound")
  })
  test("all below", () => {
    assert.equal(plan(5, [valid(3, "a"), valid(4, "b")]).reason, "All metrics below target")
  })
  test("with one missing it grows", () => {
    const found = plan(3, [wrong, valid(5, "b")])
    assert.equal(found.desired, 5)
    assert.match(found.failure ?? "", /^invalid metrics \(1 invalid out of 2\), first error is: none$/)
  })
  test("but does not shrink", () => {
    const found = plan(5, [wrong, valid(3, "b")])
    assert.deepEqual([found.desired, found.reason], [5, undefined])
    assert.equal(conditionOf(found, "ScalingActive"), "FailedGetResourceMetric")
  })
  test("the bounds decide without metrics", () => {
    assert.equal(planByBounds({ spec, current: 12 })?.desired, 10)
    assert.equal(planByBounds({ spec, current: 1 })?.desired, 2)
    assert.equal(planByBounds({ spec, current: 5 }), undefined)
    const off = planByBounds({ spec, current: 0 })
    assert.deepEqual([off?.desired, off && conditionOf(off, "ScalingActive")], [0, "ScalingDisabled"])
    assert.equal(planByBounds({ spec: { ...spec, minReplicas: 0 }, current: 0 }), undefined)
  })
})
