import assert from "node:assert/strict"
import { test } from "node:test"
import type { corev1 } from "@ladya/api"
import { MemoryTransport, newClient } from "@ladya/client"
import { FakeClock, silentLogger } from "@ladya/util"
import { ClusterCache } from "../cache/cluster-cache.ts"
import { PodInfo } from "../cache/pod-info.ts"
import { defaultSchedulerConfig } from "../config.ts"
import { deviceViewOf } from "../devices/view.ts"
import { CycleState } from "../framework/cycle-state.ts"
import { Framework } from "../framework/framework.ts"
import type { PluginHandle } from "../framework/handle.ts"
import { storageViewOf } from "../storage/view.ts"
import { newNode, newPod } from "../testing/objects.ts"
import { plugins } from "./registry.ts"

function setUp(
  nodes: readonly corev1.Node[],
  existing: readonly corev1.Pod[],
  namespaces: Record<string, Record<string, string>> = {},
) {
  const cache = new ClusterCache()
  for (const node of nodes) cache.setNode(node)
  for (const pod of existing) cache.setPod(pod)
  const clock = new FakeClock()
  const handle: PluginHandle = {
    cache,
    client: newClient(new MemoryTransport(clock)),
    clock,
    log: silentLogger,
    config: defaultSchedulerConfig,
    storage: storageViewOf({}),
    devices: deviceViewOf({}),
    args: () => ({}),
    namespaceLabels: (name) => namespaces[name],
  }
  const framework = (only?: string): Framework =>
    new Framework(
      plugins
        .filter(({ name }) => !only || [only, "PrioritySort", "DefaultBinder"].includes(name))
        .map(({ create, weight }) => ({ plugin: create(handle), weight: weight ?? 1 })),
    )
  return { cache, framework }
}

interface FilterRow {
  name: string
  nodes: corev1.Node[]
  existing?: corev1.Pod[]
  namespaces?: Record<string, Record<string, string>>
  pod: corev1.Pod
  /** By node: the reasons of its refusal, or "ok". */
  want: Record<string, string>
}

const on = (pod: corev1.Pod, nodeName: string): corev1.Pod => ({
  ...pod,
  spec: { ...(pod.spec ?? { containers: [] }), nodeName },
})

const antiAffinity = (app: string, topologyKey = "zone"): Partial<corev1.PodSpec> => ({
  affinity: {
    podAntiAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey, labelSelector: { matchLabels: { app } } }],
    },
  },
})

const affinity = (app: string, more: Partial<corev1.PodAffinityTerm> = {}): Partial<corev1.PodSpec> => ({
  affinity: {
    podAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: [
        { topologyKey: "zone", labelSelector: { matchLabels: { app } }, ...more },
      ],
    },
  },
})

const spread = (maxSkew: number, more: Partial<corev1.TopologySpreadConstraint> = {}): Partial<corev1.PodSpec> => ({
  topologySpreadConstraints: [
    {
      maxSkew,
      topologyKey: "zone",
      whenUnsatisfiable: "DoNotSchedule",
      labelSelector: { matchLabels: { app: "a" } },
      ...more,
    },
  ],
})

const zones = [
  newNode("a1", { labels: { zone: "a" } }),
  newNode("a2", { labels: { zone: "a" } }),
  newNode("b1", { labels: { zone: "b" } }),
]
const labelled = { labels: { app: "a" } }

const filterRows: FilterRow[] = [
  {
    name: "a cordoned node",
    nodes: [newNode("a", { unschedulable: true }), newNode("b")],
    pod: newPod("p"),
    want: { a: "node(s) were unschedulable", b: "ok" },
  },
  {
    name: "a cordoned node that is tolerated",
    nodes: [newNode("a", { unschedulable: true })],
    pod: newPod("p", { spec: { tolerations: [{ operator: "Exists" }] } }),
    want: { a: "ok" },
  },
  {
    name: "a named node",
    nodes: [newNode("a"), newNode("b")],
    pod: newPod("p", { spec: { nodeName: "b" } }),
    want: { a: "node(s) didn't match the requested node name", b: "ok" },
  },
  {
    name: "taints",
    nodes: [
      newNode("hard", { taints: [{ key: "k", value: "v", effect: "NoSchedule" }] }),
      newNode("soft", { taints: [{ key: "k", value: "v", effect: "PreferNoSchedule" }] }),
      newNode("execute", { taints: [{ key: "e", effect: "NoExecute" }] }),
    ],
    pod: newPod("p", { spec: { tolerations: [{ key: "e", operator: "Exists", effect: "NoExecute" }] } }),
    want: { hard: "node(s) had untolerated taint(s)", soft: "ok", execute: "ok" },
  },
  {
    name: "a node selector",
    nodes: [newNode("a", { labels: { disk: "ssd" } }), newNode("b")],
    pod: newPod("p", { spec: { nodeSelector: { disk: "ssd" } } }),
    want: { a: "ok", b: "node(s) didn't match Pod's node affinity/selector" },
  },
  {
    name: "required node affinity: terms are alternatives, expressions add up",
    nodes: [
      newNode("a", { labels: { x: "5" } }),
      newNode("b", { labels: { y: "1" } }),
      newNode("c", { labels: { x: "1" } }),
    ],
    pod: newPod("p", {
      spec: {
        affinity: {
          nodeAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: {
              nodeSelectorTerms: [
                { matchExpressions: [{ key: "x", operator: "Gt", values: ["3"] }] },
                {
                  matchExpressions: [
                    { key: "y", operator: "Exists" },
                    { key: "x", operator: "DoesNotExist" },
                  ],
                },
              ],
            },
          },
        },
      },
    }),
    want: { a: "ok", b: "ok", c: "node(s) didn't match Pod's node affinity/selector" },
  },
  {
    name: "host ports: the same port and protocol on overlapping addresses",
    nodes: [newNode("a"), newNode("b")],
    existing: [
      on(
        newPod("e", {
          spec: { containers: [{ name: "c", ports: [{ containerPort: 1, hostPort: 80, hostIP: "10.0.0.1" }] }] },
        }),
        "a",
      ),
    ],
    pod: newPod("p", { spec: { containers: [{ name: "c", ports: [{ containerPort: 1, hostPort: 80 }] }] } }),
    want: { a: "node(s) didn't have free ports for the requested pod ports", b: "ok" },
  },
  {
    name: "resources: what others hold counts",
    nodes: [
      newNode("small", { allocatable: { cpu: "1" } }),
      newNode("full"),
      newNode("crowded", { allocatable: { pods: "1" } }),
      newNode("free"),
    ],
    existing: [on(newPod("e", { requests: { cpu: "3", memory: "7Gi" } }), "full"), on(newPod("f"), "crowded")],
    pod: newPod("p", { requests: { cpu: "2", memory: "2Gi" } }),
    want: {
      small: "Insufficient cpu",
      full: "Insufficient cpu,Insufficient memory",
      crowded: "Too many pods",
      free: "ok",
    },
  },
  {
    name: "resources: extended ones",
    nodes: [newNode("a", { allocatable: { "example.com/gpu": "1" } }), newNode("b")],
    pod: newPod("p", { requests: { "example.com/gpu": "1" } }),
    want: { a: "ok", b: "Insufficient example.com/gpu" },
  },
  {
    name: "resources: init containers peak, sidecars add up",
    nodes: [newNode("a", { allocatable: { cpu: "3" } }), newNode("b", { allocatable: { cpu: "4" } })],
    pod: newPod("p", {
      requests: { cpu: "1" },
      spec: {
        initContainers: [
          { name: "s", restartPolicy: "Always", resources: { requests: { cpu: "1" } } },
          { name: "i", resources: { requests: { cpu: "3" } } },
        ],
      },
    }),
    want: { a: "Insufficient cpu", b: "ok" },
  },
  {
    name: "anti-affinity to a pod that is there",
    nodes: zones,
    existing: [on(newPod("e", labelled), "a1")],
    pod: newPod("p", { spec: antiAffinity("a") }),
    want: {
      a1: "node(s) didn't match pod anti-affinity rules",
      a2: "node(s) didn't match pod anti-affinity rules",
      b1: "ok",
    },
  },
  {
    name: "anti-affinity of a pod that is there",
    nodes: zones,
    existing: [on(newPod("e", { spec: antiAffinity("a") }), "a1")],
    pod: newPod("p", labelled),
    want: {
      a1: "node(s) didn't satisfy existing pods anti-affinity rules",
      a2: "node(s) didn't satisfy existing pods anti-affinity rules",
      b1: "ok",
    },
  },
  {
    name: "affinity to a pod that is there",
    nodes: zones,
    existing: [on(newPod("e", labelled), "b1")],
    pod: newPod("p", { spec: affinity("a") }),
    want: { a1: "node(s) didn't match pod affinity rules", a2: "node(s) didn't match pod affinity rules", b1: "ok" },
  },
  {
    name: "the first of a group may go anywhere",
    nodes: zones,
    pod: newPod("p", { ...labelled, spec: affinity("a") }),
    want: { a1: "ok", a2: "ok", b1: "ok" },
  },
  {
    name: "affinity looks into selected namespaces only",
    nodes: zones,
    existing: [
      on(newPod("e", { ...labelled, namespace: "other" }), "b1"),
      on(newPod("f", { ...labelled, namespace: "third" }), "a1"),
    ],
    namespaces: { other: { team: "x" }, third: {} },
    pod: newPod("p", { spec: affinity("a", { namespaceSelector: { matchLabels: { team: "x" } } }) }),
    want: { a1: "node(s) didn't match pod affinity rules", a2: "node(s) didn't match pod affinity rules", b1: "ok" },
  },
  {
    name: "spread: the fuller domain is refused",
    nodes: zones,
    existing: [on(newPod("e", labelled), "a1")],
    pod: newPod("p", { ...labelled, spec: spread(1) }),
    want: {
      a1: "node(s) didn't match pod topology spread constraints",
      a2: "node(s) didn't match pod topology spread constraints",
      b1: "ok",
    },
  },
  {
    name: "spread: a node without the label is in no domain",
    nodes: [...zones, newNode("x")],
    pod: newPod("p", { ...labelled, spec: spread(1) }),
    want: {
      a1: "ok",
      a2: "ok",
      b1: "ok",
      x: "node(s) didn't match pod topology spread constraints (missing required label)",
    },
  },
  {
    name: "spread: too few domains",
    nodes: zones,
    existing: [on(newPod("e", labelled), "a1"), on(newPod("f", labelled), "b1")],
    pod: newPod("p", { ...labelled, spec: spread(1, { minDomains: 3 }) }),
    want: {
      a1: "node(s) didn't match pod topology spread constraints",
      a2: "node(s) didn't match pod topology spread constraints",
      b1: "node(s) didn't match pod topology spread constraints",
    },
  },
  {
    name: "spread: domains that the pod cannot go to do not count",
    nodes: zones,
    existing: [on(newPod("e", labelled), "a1")],
    pod: newPod("p", { ...labelled, spec: { ...spread(1), nodeSelector: { zone: "a" } } }),
    want: { a1: "ok", a2: "ok", b1: "node(s) didn't match Pod's node affinity/selector" },
  },
]

for (const row of filterRows) {
  test(`filter: ${row.name}`, () => {
    const { cache, framework } = setUp(row.nodes, row.existing ?? [], row.namespaces)
    const all = framework()
    const pod = new PodInfo(row.pod)
    const state = new CycleState()
    assert.equal(all.preFilter(state, pod, cache).refusal, undefined)
    const got = Object.fromEntries(
      cache.list.map((node) => [node.name, all.filter(state, pod, node)?.reasons.join() ?? "ok"]),
    )
    assert.deepEqual(got, row.want)
  })
}

interface ScoreRow {
  name: string
  plugin: string
  nodes: corev1.Node[]
  existing?: corev1.Pod[]
  pod: corev1.Pod
  want: Record<string, number>
}

const megabyte = 1024 * 1024

const scoreRows: ScoreRow[] = [
  {
    name: "the least used node",
    plugin: "NodeResourcesFit",
    nodes: [newNode("empty"), newNode("half")],
    existing: [on(newPod("e", { requests: { cpu: "2", memory: "4Gi" } }), "half")],
    pod: newPod("p", { requests: { cpu: "1", memory: "2Gi" } }),
    want: { empty: 75, half: 25 },
  },
  {
    name: "the balanced node",
    plugin: "NodeResourcesBalancedAllocation",
    nodes: [newNode("even"), newNode("skewed")],
    existing: [on(newPod("e", { requests: { cpu: "2" } }), "skewed")],
    pod: newPod("p", { requests: { cpu: "2", memory: "4Gi" } }),
    want: { even: 100, skewed: 75 },
  },
  {
    name: "soft taints",
    plugin: "TaintToleration",
    nodes: [newNode("clean"), newNode("soft", { taints: [{ key: "k", effect: "PreferNoSchedule" }] })],
    pod: newPod("p"),
    want: { clean: 300, soft: 0 },
  },
  {
    name: "preferred node affinity",
    plugin: "NodeAffinity",
    nodes: [newNode("a", { labels: { disk: "ssd" } }), newNode("b")],
    pod: newPod("p", {
      spec: {
        affinity: {
          nodeAffinity: {
            preferredDuringSchedulingIgnoredDuringExecution: [
              { weight: 5, preference: { matchExpressions: [{ key: "disk", operator: "In", values: ["ssd"] }] } },
            ],
          },
        },
      },
    }),
    want: { a: 200, b: 0 },
  },
  {
    name: "images that are there",
    plugin: "ImageLocality",
    nodes: [newNode("has", { images: [{ names: ["i:1"], sizeBytes: 1046 * megabyte }] }), newNode("lacks")],
    pod: newPod("p"),
    want: { has: 51, lacks: 0 },
  },
  {
    name: "preferred pod affinity",
    plugin: "InterPodAffinity",
    nodes: zones,
    existing: [on(newPod("e", labelled), "a1")],
    pod: newPod("p", {
      spec: {
        affinity: {
          podAffinity: {
            preferredDuringSchedulingIgnoredDuringExecution: [
              { weight: 10, podAffinityTerm: { topologyKey: "zone", labelSelector: { matchLabels: { app: "a" } } } },
            ],
          },
        },
      },
    }),
    want: { a1: 200, a2: 200, b1: 0 },
  },
  {
    name: "wished-for spread",
    plugin: "PodTopologySpread",
    nodes: zones,
    existing: [on(newPod("e", labelled), "a1"), on(newPod("f", labelled), "a2")],
    pod: newPod("p", { ...labelled, spec: spread(1, { whenUnsatisfiable: "ScheduleAnyway" }) }),
    want: { a1: 0, a2: 0, b1: 200 },
  },
]

for (const row of scoreRows) {
  test(`score: ${row.name}`, () => {
    const { cache, framework } = setUp(row.nodes, row.existing ?? [])
    const totals = framework(row.plugin).score(new CycleState(), new PodInfo(row.pod), cache.list)
    assert.deepEqual(Object.fromEntries(cache.list.map((node, index) => [node.name, totals[index]])), row.want)
  })
}
