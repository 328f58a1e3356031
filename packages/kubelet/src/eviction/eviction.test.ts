import assert from "node:assert/strict"
import { link, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { test } from "node:test"
import type { corev1 } from "@ladya/api"
import { FakeClock, settle, silentLogger } from "@ladya/util"
import type { Pod } from "../pods/pod.ts"
import { diskUsage } from "./disk-usage.ts"
import { diskLimitExceeded, hasDiskLimits } from "./local-storage.ts"
import { newEvictionManager } from "./manager.ts"
import { evictionMessage, type PodUsage, rank } from "./ranking.ts"
import type { Observation, SignalName } from "./signals.ts"
import { type Breach, defaultThresholds, planBreaches } from "./thresholds.ts"

const mib = 2 ** 20

function newPod(name: string, spec: Partial<corev1.PodSpec> = {}, memory?: string): Pod {
  const resources = memory ? { requests: { memory } } : {}
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: "default", uid: name },
    spec: { containers: [{ name: "main", image: "i", resources }], ...spec },
  }
}

const using = (pod: Pod, bytes: number): PodUsage => ({
  pod,
  total: bytes,
  containers: [{ name: "main", used: bytes }],
})

test("a threshold is an amount or a part of the whole", () => {
  const observations = new Map<SignalName, Observation>([
    ["memory.available", { available: 99 * mib, capacity: 4096 * mib }],
    ["nodefs.available", { available: 5, capacity: 100 }],
    ["imagefs.available", { available: 4, capacity: 100 }],
  ])
  assert.deepEqual(
    planBreaches(observations, defaultThresholds).map(({ signal, least }) => [signal, least]),
    [
      ["memory.available", 100 * mib],
      ["imagefs.available", 5],
    ],
  )
})

test("who uses more than it asked for goes first, then lower priority, then the larger excess", () => {
  const usages = [
    using(newPod("within", {}, "500Mi"), 400 * mib),
    using(newPod("important", { priority: 1000 }), 900 * mib),
    using(newPod("little"), 10 * mib),
    using(newPod("much", {}, "100Mi"), 300 * mib),
  ]
  assert.deepEqual(
    rank(usages, "memory").map(({ pod }) => pod.metadata.name),
    ["much", "little", "important", "within"],
  )
})

const memoryBreach: Breach = {
  signal: "memory.available",
  resource: "memory",
  condition: "memory",
  least: 100 * mib,
  observation: { available: 50 * mib, capacity: 4096 * mib },
}

test("the message says what was short and who used it", () => {
  assert.equal(
    evictionMessage(memoryBreach, using(newPod("p"), 20 * mib)),
    "The node was low on resource: memory. Threshold quantity: 100Mi, available: 50Mi. Container main was using 20Mi, request is 0, has larger consumption of memory. ",
  )
})

const limited = (limit: string): Partial<corev1.PodSpec> => ({
  containers: [{ name: "main", image: "i", resources: { limits: { "ephemeral-storage": limit } } }],
})
const scratch = (sizeLimit?: string): Partial<corev1.PodSpec> => ({
  volumes: [{ name: "scratch", emptyDir: sizeLimit ? { sizeLimit } : {} }],
})

const limits: { name: string; spec: Partial<corev1.PodSpec>; volume: number; container: number; want?: string }[] = [
  { name: "no limit", spec: scratch(), volume: 9 * mib, container: 9 * mib },
  { name: "within the volume's limit", spec: scratch("1Mi"), volume: mib, container: 9 * mib },
  {
    name: "beyond the volume's limit",
    spec: scratch("1Mi"),
    volume: mib + 1,
    container: 0,
    want: 'Usage of EmptyDir volume "scratch" exceeds the limit "1Mi". ',
  },
  {
    name: "the pod as a whole",
    spec: { ...limited("1Mi"), ...scratch() },
    volume: mib,
    container: mib,
    want: "Pod ephemeral local storage usage exceeds the total limit of containers 1Mi. ",
  },
]

for (const { name, spec, volume, container, want } of limits) {
  test(`limits of disk use: ${name}`, () => {
    const use = { volumes: new Map([["scratch", volume]]), containers: new Map([["main", container]]) }
    assert.equal(diskLimitExceeded(newPod("p", spec), use), want)
    assert.equal(hasDiskLimits(newPod("p", spec)), name !== "no limit")
  })
}

test("disk use counts a file of two names once", async (context) => {
  const directory = await mkdtemp(join(tmpdir(), "ladya-usage-"))
  context.after(() => rm(directory, { recursive: true, force: true }))
  await mkdir(join(directory, "a"))
  await writeFile(join(directory, "a/file"), Buffer.alloc(256 * 1024, 1))
  const once = await diskUsage(directory)
  await link(join(directory, "a/file"), join(directory, "a/again"))
  assert.equal(await diskUsage(directory), once)
  assert.ok(once >= 256 * 1024)
  assert.equal(await diskUsage(join(directory, "missing")), 0)
})

function prepare() {
  const clock = new FakeClock()
  const state = { memory: 1000 * mib, disk: 50, pods: [] as Pod[], reclaimed: 0, reclaims: 0 }
  const evicted: string[] = []
  const events: string[] = []
  let changes = 0
  const manager = newEvictionManager({
    read: async () =>
      new Map<SignalName, Observation>([
        ["memory.available", { available: state.memory, capacity: 4096 * mib }],
        ["nodefs.available", { available: state.disk, capacity: 100 }],
      ]),
    thresholds: defaultThresholds,
    pods: () => state.pods,
    usage: async () => state.pods.map((pod) => using(pod, 10 * mib)),
    diskUse: async () => ({ volumes: new Map(), containers: new Map([["main", mib]]) }),
    evict: (pod) => {
      evicted.push(pod.metadata.name ?? "")
      state.pods = state.pods.filter((other) => other !== pod)
    },
    reclaimDisk: async () => {
      state.reclaims++
      state.disk += state.reclaimed
    },
    changed: () => changes++,
    event: (_type, reason) => events.push(reason),
    clock,
    log: silentLogger,
  })
  return { clock, state, evicted, events, manager, changes: () => changes }
}

test("under memory pressure one pod at a time goes, critical ones never, and pressure is told for a while", async (context) => {
  const { clock, state, evicted, events, manager, changes } = prepare()
  state.pods = [newPod("critical", { priority: 2_000_000_000 }), newPod("a", { priority: 1 }), newPod("b")]
  await manager.start()
  context.after(() => manager.stop(AbortSignal.timeout(1000)))
  await settle()
  assert.deepEqual(manager.pressure(), { memory: false, disk: false, pid: false })
  state.memory = 50 * mib
  await clock.advance(10_000)
  assert.deepEqual(evicted, ["b"])
  assert.equal(manager.pressure().memory, true)
  assert.equal(changes(), 1)
  assert.deepEqual(manager.refusal(newPod("new")), {
    reason: "Evicted",
    message: "The node had condition: [MemoryPressure]. ",
  })
  assert.equal(manager.refusal(newPod("asked", {}, "10Mi")), undefined)
  await clock.advance(20_000)
  assert.deepEqual(evicted, ["b", "a"])
  state.memory = 1000 * mib
  await clock.advance(60_000)
  assert.equal(manager.pressure().memory, true)
  await clock.advance(300_000)
  assert.equal(manager.pressure().memory, false)
  assert.equal(changes(), 2)
  assert.deepEqual(evicted, ["b", "a"])
  assert.ok(events.includes("EvictionThresholdMet"))
})

test("under disk pressure images go before pods", async (context) => {
  const { clock, state, evicted, manager } = prepare()
  state.pods = [newPod("a")]
  state.disk = 2
  state.reclaimed = 30
  await manager.start()
  context.after(() => manager.stop(AbortSignal.timeout(1000)))
  await settle()
  assert.deepEqual([state.reclaims, evicted], [1, []])
  assert.equal(manager.pressure().disk, true)
  state.disk = 2
  state.reclaimed = 0
  await clock.advance(10_000)
  await settle()
  assert.deepEqual(evicted, ["a"])
})
