import assert from "node:assert/strict"
import { test } from "node:test"
import type { corev1 } from "@ladya/api"
import { MemoryTransport, newClient } from "@ladya/client"
import { FakeClock, newRandom, type Random, silentLogger } from "@ladya/util"
import { ClusterCache } from "./cache/cluster-cache.ts"
import type { NodeInfo } from "./cache/node-info.ts"
import { PodInfo } from "./cache/pod-info.ts"
import { defaultSchedulerConfig } from "./config.ts"
import { deviceViewOf } from "./devices/view.ts"
import { CycleState } from "./framework/cycle-state.ts"
import { Framework } from "./framework/framework.ts"
import type { PluginDefinition, PluginHandle } from "./framework/handle.ts"
import type { Plugin } from "./framework/plugin.ts"
import { plugins } from "./plugins/registry.ts"
import { storageViewOf } from "./storage/view.ts"
import { newNaiveInterPodAffinity } from "./testing/naive/inter-pod-affinity.ts"
import { newNaivePodTopologySpread } from "./testing/naive/pod-topology-spread.ts"
import { newNode, newPod } from "./testing/objects.ts"

const seeds = Number(process.env["SEEDS"] ?? 40)
const steps = 60

/** The plugins without any memory of theirs or the framework's. */
const naive: Readonly<Record<string, (handle: PluginHandle) => Plugin>> = {
  InterPodAffinity: newNaiveInterPodAffinity,
  PodTopologySpread: newNaivePodTopologySpread,
}

function frameworkOf(list: readonly PluginDefinition[], handle: PluginHandle, isNaive: boolean): Framework {
  return new Framework(
    list.map(({ name, create, weight }) => {
      const plugin = (isNaive && naive[name]?.(handle)) || create(handle)
      return { plugin: isNaive ? { ...plugin, isLocal: false } : plugin, weight: weight ?? 1 }
    }),
  )
}

/** Random clusters and pods, few enough values that they meet. */
class World {
  readonly #random: Random
  readonly namespaces = new Map<string, Record<string, string>>()
  #pods = 0

  constructor(random: Random) {
    this.#random = random
    for (const name of ["a", "b"]) this.namespaces.set(name, this.maybe(0.5, { team: this.pick(["x", "y"]) }) ?? {})
  }

  pick<T>(values: readonly T[]): T {
    return values[Math.floor(this.#random() * values.length)] as T
  }

  chance(probability: number): boolean {
    return this.#random() < probability
  }

  maybe<T>(probability: number, value: T): T | undefined {
    return this.chance(probability) ? value : undefined
  }

  node(name: string): corev1.Node {
    const labels: Record<string, string> = {}
    if (this.chance(0.9)) labels["zone"] = this.pick(["z1", "z2", "z3"])
    if (this.chance(0.6)) labels["disk"] = this.pick(["ssd", "hdd"])
    const node = newNode(name, {
      labels,
      unschedulable: this.chance(0.05),
      taints: this.chance(0.2) ? [{ key: "t", value: "v", effect: this.pick(["NoSchedule", "PreferNoSchedule"]) }] : [],
      allocatable: { cpu: this.pick(["1", "4"]), pods: this.pick(["3", "110"]) },
      images: this.chance(0.3) ? [{ names: ["i:1"], sizeBytes: 500_000_000 }] : [],
    })
    if (this.chance(0.1)) delete node.metadata.labels?.["kubernetes.io/hostname"]
    return node
  }

  #term(): corev1.PodAffinityTerm {
    return {
      topologyKey: this.pick(["zone", "kubernetes.io/hostname", "disk"]),
      ...(this.chance(0.9) ? { labelSelector: this.#selector() } : {}),
      ...(this.chance(0.2) ? { namespaces: [this.pick(["a", "b"])] } : {}),
      ...(this.chance(0.2)
        ? { namespaceSelector: this.chance(0.3) ? {} : { matchLabels: { team: this.pick(["x", "y"]) } } }
        : {}),
    }
  }

  #selector(): { matchLabels?: Record<string, string> } {
    return this.chance(0.1) ? {} : { matchLabels: { app: this.pick(["p", "q", "r"]) } }
  }

  #terms(probability: number): corev1.PodAffinityTerm[] {
    const terms: corev1.PodAffinityTerm[] = []
    while (this.chance(probability)) terms.push(this.#term())
    return terms
  }

  #affinity(): corev1.Affinity {
    const weighted = (): corev1.WeightedPodAffinityTerm[] =>
      this.#terms(0.2).map((podAffinityTerm) => ({ weight: this.pick([1, 10, 50]), podAffinityTerm }))
    return {
      podAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: this.#terms(0.15),
        preferredDuringSchedulingIgnoredDuringExecution: weighted(),
      },
      podAntiAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: this.#terms(0.2),
        preferredDuringSchedulingIgnoredDuringExecution: weighted(),
      },
      ...(this.chance(0.3)
        ? {
            nodeAffinity: {
              requiredDuringSchedulingIgnoredDuringExecution: {
                nodeSelectorTerms: [{ matchExpressions: [{ key: "zone", operator: "In", values: ["z1", "z2"] }] }],
              },
            },
          }
        : {}),
    }
  }

  #constraint(): corev1.TopologySpreadConstraint {
    return {
      maxSkew: this.pick([1, 2]),
      topologyKey: this.pick(["zone", "kubernetes.io/hostname"]),
      whenUnsatisfiable: this.pick(["DoNotSchedule", "ScheduleAnyway"]),
      labelSelector: this.#selector(),
      ...(this.chance(0.3) ? { nodeTaintsPolicy: "Honor" } : {}),
      ...(this.chance(0.3) ? { nodeAffinityPolicy: "Ignore" } : {}),
      ...(this.chance(0.2) ? { minDomains: 4 } : {}),
    }
  }

  pod(): corev1.Pod {
    const constraints: corev1.TopologySpreadConstraint[] = []
    while (this.chance(0.3)) constraints.push(this.#constraint())
    return newPod(`p${this.#pods++}`, {
      namespace: this.pick(["a", "b"]),
      labels: { app: this.pick(["p", "q", "r"]) },
      requests: { cpu: this.pick(["100m", "500m"]) },
      spec: {
        ...(this.chance(0.7) ? { affinity: this.#affinity() } : {}),
        ...(constraints.length > 0 ? { topologySpreadConstraints: constraints } : {}),
        ...(this.chance(0.2) ? { tolerations: [{ key: "t", operator: "Exists" }] } : {}),
        ...(this.chance(0.1) ? { nodeSelector: { disk: "ssd" } } : {}),
      },
    })
  }

  /** Another pod of the same workload. */
  sibling(pod: corev1.Pod): corev1.Pod {
    const name = `p${this.#pods++}`
    return { ...pod, metadata: { ...pod.metadata, name, uid: `uid-${name}` } }
  }
}

const placed = (pod: corev1.Pod, nodeName: string, metadata: object = {}): corev1.Pod => ({
  ...pod,
  metadata: { ...pod.metadata, ...metadata },
  spec: { ...(pod.spec ?? { containers: [] }), nodeName },
})

interface Verdicts {
  states: CycleState
  byNode: Record<string, string>
  feasible: NodeInfo[]
  totals: Record<string, number>
}

function verdictsOf(framework: Framework, pod: PodInfo, cache: ClusterCache): Verdicts {
  const state = new CycleState()
  const { refusal } = framework.preFilter(state, pod, cache)
  if (refusal) return { states: state, byNode: { "": refusal.reasons.join() }, feasible: [], totals: {} }
  const byNode: Record<string, string> = {}
  const feasible: NodeInfo[] = []
  for (const node of cache.list) {
    const found = framework.filter(state, pod, node)
    byNode[node.name] = found ? `${found.plugin} ${found.code}: ${found.reasons.join()}` : "ok"
    if (!found) feasible.push(node)
  }
  const scores = feasible.length > 0 ? framework.score(state, pod, feasible) : []
  const totals = Object.fromEntries(feasible.map(({ name }, index) => [name, scores[index] as number]))
  return { states: state, byNode, feasible, totals }
}

/** What becomes of a node when pods are thought onto it or away from it, as preemption does. */
function trial(framework: Framework, state: CycleState, pod: PodInfo, node: NodeInfo, extra: PodInfo): string[] {
  let trialState = state.clone()
  const copy = node.clone()
  const seen: string[] = []
  const look = (): void => {
    const found = framework.filter(trialState, pod, copy)
    seen.push(found ? `${found.plugin}: ${found.reasons.join()}` : "ok")
  }
  copy.addPod(extra)
  framework.addPod(trialState, pod, extra, copy)
  look()
  for (const other of [...node.pods.values()]) {
    // As with pods nominated to the node: a trial within a trial.
    trialState = trialState.clone()
    copy.removePod(other.uid)
    framework.removePod(trialState, pod, other, copy)
    look()
  }
  return seen
}

for (let seed = 1; seed <= seeds; seed++) {
  test(`what is remembered says what plain plugins say of all nodes, pod by pod (seed ${seed})`, () => {
    const random = newRandom(seed)
    const world = new World(random)
    const cache = new ClusterCache()
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
      namespaceLabels: (name) => world.namespaces.get(name),
    }
    const fast = frameworkOf(plugins, handle, false)
    const plain = frameworkOf(plugins, handle, true)
    const present: corev1.Pod[] = []
    const names = Array.from({ length: 12 }, (_, index) => `n${index}`)
    for (const name of names.slice(0, 8)) cache.setNode(world.node(name))
    let template = world.pod()
    for (let step = 0; step < steps; step++) {
      const luck = random()
      if (luck < 0.1) cache.setNode(world.node(world.pick(names)))
      else if (luck < 0.15) cache.removeNode(world.pick(names))
      else if (luck < 0.3 && present.length > 0) {
        const [gone] = present.splice(Math.floor(random() * present.length), 1)
        cache.removePod(gone?.metadata.uid ?? "")
      } else if (luck < 0.35 && present.length > 0) {
        const pod = world.pick(present)
        cache.setPod(placed(pod, pod.spec?.nodeName ?? "", { deletionTimestamp: "2026-01-01T00:00:00Z" }))
      } else if (luck < 0.4 && present.length > 0) {
        const pod = world.pick(present)
        cache.setPod(placed(pod, pod.spec?.nodeName ?? "", { labels: { app: world.pick(["p", "q", "r"]) } }))
      } else if (luck < 0.43) {
        world.namespaces.set(world.pick(["a", "b"]), { team: world.pick(["x", "y"]) })
        cache.topology.namespaceChanged()
      }
      template = world.chance(0.6) ? world.sibling(template) : world.pod()
      const pod = new PodInfo(template)
      const got = verdictsOf(fast, pod, cache)
      const want = verdictsOf(plain, pod, cache)
      const context = `step ${step}: ${JSON.stringify(template)}`
      assert.deepEqual(got.byNode, want.byNode, context)
      assert.deepEqual(got.totals, want.totals, context)
      const node = cache.list.length > 0 ? world.pick(cache.list) : undefined
      if (node && !("" in want.byNode)) {
        const extra = new PodInfo(world.pod())
        assert.deepEqual(
          trial(fast, got.states, pod, node, extra),
          trial(plain, want.states, pod, node, extra),
          `trial on ${node.name}, ${context}`,
        )
      }
      const chosen = want.feasible.length > 0 ? world.pick(want.feasible) : undefined
      if (!chosen) continue
      cache.assume(pod, chosen.name)
      if (world.chance(0.1)) cache.forget(pod.uid)
      else {
        present.push(placed(template, chosen.name))
        if (world.chance(0.7)) cache.setPod(placed(template, chosen.name))
      }
    }
  })
}
