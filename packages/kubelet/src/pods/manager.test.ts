import assert from "node:assert/strict"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type TestContext, test } from "node:test"
import { type corev1, refs } from "@ladya/api"
import { formatTime } from "@ladya/apimachinery"
import { MemoryTransport, newClient, newInformer } from "@ladya/client"
import { CriError } from "@ladya/cri"
import { FakeClock, settle, silentLogger, systemClock, waitFor } from "@ladya/util"
import { newContainerStarter } from "../containers/starter.ts"
import { newRuntimeWatch } from "../events/runtime-watch.ts"
import { newHookRunner } from "../lifecycle/hooks.ts"
import { newKiller } from "../lifecycle/killer.ts"
import { newProbeManager } from "../probes/manager.ts"
import { newProbeRunner } from "../probes/runner.ts"
import { newPodCgroups } from "../runtime/cgroups.ts"
import { newGate } from "../runtime/gate.ts"
import { newImagePuller } from "../runtime/image-puller.ts"
import { newMemoryKills } from "../runtime/memory-kills.ts"
import { newRuntimeCache } from "../runtime/runtime-cache.ts"
import { newStatusWriter } from "../status/status-writer.ts"
import { MemoryRuntime } from "../testing/memory-runtime.ts"
import { testPod } from "../testing/pods.ts"
import { newVolumes } from "../volumes/index.ts"
import { newPodDirectories } from "./directories.ts"
import { newPodManager, type PodManager } from "./manager.ts"
import type { Pod } from "./pod.ts"

const never = new AbortController().signal

/** The part of the kubelet that keeps pods running, on a runtime and an API in memory. */
async function setUp(t: TestContext, runtimeBefore?: MemoryRuntime) {
  const clock = new FakeClock()
  const memory = runtimeBefore ?? new MemoryRuntime(clock)
  const { runtime, cri } = memory
  const transport = new MemoryTransport(clock)
  const client = newClient(transport)
  const api = client.resource(refs.pods)
  const root = await mkdtemp(join(tmpdir(), "ladya-pods-"))
  const log = silentLogger
  const events: string[] = []
  const podEvents = {
    pod: (_: Pod, type: string, reason: string, message: string) => events.push(`${type} ${reason} ${message}`),
    container: (_: Pod, __: unknown, type: string, reason: string, message: string) =>
      events.push(`${type} ${reason} ${message}`),
  }
  const memoryKills = newMemoryKills({ clock, logFile: join(root, "no-such-log") })
  const cache = newRuntimeCache({ runtime, memoryKills })
  const directories = newPodDirectories(root)
  const cgroups = newPodCgroups({ root: "/pods", log, mountpoint: join(root, "cgroup") })
  const puller = newImagePuller({ images: cri.images, clock })
  const hooks = newHookRunner({ runtime, clock })
  const gate = newGate(4)
  const status = newStatusWriter({ client, clock, log })
  const wake = (uid: string): void => pods.wake(uid)
  const { manager: volumes } = newVolumes({
    ...{ root, client, clock, log, random: () => 0.5, retry: wake },
    allocatable: () => ({}),
    refreshFailed: () => undefined,
  })
  const probes = newProbeManager({
    runner: newProbeRunner({ runtime, clock }),
    ...{ clock, random: () => 0.5, hostIp: () => "192.0.2.1", changed: wake, event: podEvents.container },
  })
  const starter = newContainerStarter({
    ...{ runtime, puller, hooks, volumes, directories, gate, events: podEvents, cgroupVersion: 1 },
    reader: { configMap: async () => undefined, secret: async () => undefined },
    memoryCapacityBytes: () => 1e9,
    allocatable: () => ({}),
    serviceVariables: () => ({}),
  })
  const informer = newInformer({ client, ref: refs.pods, clock, log, random: () => 0.5 })
  const pods: PodManager = newPodManager({
    ...{ runtime, cache, starter, puller, probes, status, volumes, cgroups, directories, clock, gate, log },
    ...{ pods: informer, events: podEvents, timeText: formatTime },
    killer: newKiller({ runtime, hooks, clock, log, event: podEvents.container }),
    hostIps: () => ["192.0.2.1"],
    resolver: () => ({
      clusterDns: [],
      clusterDomain: "cluster.local",
      node: { servers: [], searches: [], options: [] },
    }),
    nodeHosts: async () => "",
    runtimeHandler: async () => "",
    admit: () => undefined,
    resize: () => ({ kind: "none" }),
    memoryCapacityBytes: () => 1e9,
  })
  const watch = newRuntimeWatch({
    ...{ cri, cache, memoryKills, clock, log, changed: wake },
    relisted: (uids) => pods.seen(uids),
  })
  await watch.start()
  const started = pods.start()
  const advance = async (ms: number): Promise<void> => {
    await clock.advance(ms)
    // Files are read and written in real time.
    for (let i = 0; i < 20; i++) {
      await new Promise((resolve) => setImmediate(resolve))
      await settle()
    }
  }
  /** Lets time pass on both clocks until it is so; the fake one by small steps, so that nothing falls due early. */
  const until = (what: string, condition: () => Promise<unknown> | unknown): Promise<unknown> =>
    waitFor(
      systemClock,
      async () => {
        await advance(1)
        return condition()
      },
      { description: what, timeoutMs: 60_000, intervalMs: 1 },
    )
  await until("the pods to be read", () => informer.hasSynced)
  await started
  const stop = async (): Promise<void> => {
    status.stop()
    await Promise.all([pods.stop(never), watch.stop(never), advance(1)])
    await informer.stop(never)
    volumes.stop()
    probes.stop()
  }
  t.after(async () => {
    await stop()
    await rm(root, { recursive: true, force: true })
  })
  const get = (): Promise<Pod> => api.get("p", { namespace: "ns" })
  const main = async (): Promise<corev1.ContainerStatus | undefined> => (await get()).status?.containerStatuses?.[0]
  return { clock, memory, api, transport, events, advance, until, get, main, stop }
}

const isRunning = async (main: () => Promise<corev1.ContainerStatus | undefined>): Promise<boolean> =>
  (await main())?.state?.running !== undefined

test("a pod is started, and is let be while nothing happens", async (t) => {
  const { memory, api, transport, advance, until, get, main } = await setUp(t)
  await api.create(testPod(["a", "b"]))
  await until("it to run", () => isRunning(main))
  assert.deepEqual(memory.calls, ["sandbox p/0", "start a/0", "start b/0"])
  const status = (await get()).status
  assert.equal(status?.phase, "Running")
  assert.equal(status?.podIP, "10.0.0.1")
  const writes = transport.writes.length
  await advance(300_000)
  assert.equal(transport.writes.length, writes)
  assert.equal(memory.calls.length, 3)
})

test("a container that keeps crashing is restarted at 0, 10, 30, 70 … seconds", async (t) => {
  const { clock, memory, api, events, advance, until, main } = await setUp(t)
  memory.behaviours.set("a", 1)
  await api.create(testPod(["a"]))
  const starts = (): number => memory.calls.filter((call) => call.startsWith("start")).length
  const backoffs = (): number => events.filter((text) => text.includes("BackOff")).length
  await until("the first restart", () => starts() === 2)
  const begin = clock.now()
  for (const [restart, dueMs] of [
    [3, 10_000],
    [4, 30_000],
    [5, 70_000],
  ] as const) {
    // Time must not pass before the worker has seen the end.
    await until("the back-off to be told", () => backoffs() === restart - 2)
    await advance(begin + dueMs - clock.now() - 1500)
    assert.equal(starts(), restart - 1, `restart ${restart} came early`)
    await advance(2000)
    await until(`restart ${restart}`, () => starts() === restart)
  }
  await until("the status", async () => {
    const status = await main()
    return status?.restartCount === 4 && status.state?.waiting?.reason === "CrashLoopBackOff"
  })
  assert.equal(backoffs(), 4)
})

test("a deleted pod is stopped within its grace, told of, and removed with all that it had", async (t) => {
  const { memory, api, until, get, main } = await setUp(t)
  await api.create(testPod(["a"], {}, { finalizers: ["test/hold"] }))
  await until("it to run", () => isRunning(main))
  const pod = await get()
  const metadata = { ...pod.metadata, deletionTimestamp: "2026-01-01T00:00:00Z", deletionGracePeriodSeconds: 7 }
  await api.update({ ...pod, metadata })
  await until("its sandbox to go", () => memory.sandboxes.size === 0)
  assert.deepEqual(memory.calls.slice(2), ["stop a 7"])
  assert.equal((await main())?.state?.terminated?.exitCode, 143)
  assert.equal((await get()).status?.phase, "Failed")
  assert.equal(memory.containers.size, 0)
})

test("a pod that vanishes from the API is ended on the node", async (t) => {
  const { memory, api, until, main } = await setUp(t)
  await api.create(testPod(["a"]))
  await until("it to run", () => isRunning(main))
  await api.delete("p", { namespace: "ns" })
  await until("its sandbox to go", () => memory.sandboxes.size === 0)
})

test("what only the runtime knows is ended, with the grace that is noted on it", async (t) => {
  const first = await setUp(t)
  await first.api.create(testPod(["a"], { terminationGracePeriodSeconds: 9 }))
  await first.until("it to run", () => isRunning(first.main))
  await first.stop()
  const { memory, until } = await setUp(t, first.memory)
  await until("its sandbox to go", () => memory.sandboxes.size === 0)
  assert.deepEqual(memory.calls.slice(2), ["stop a 9"])
})

test("a pod that may not restart ends with its containers", async (t) => {
  const { memory, api, until, get, main } = await setUp(t)
  await api.create(testPod(["a", "b"], { restartPolicy: "Never" }))
  await until("it to run", () => isRunning(main))
  memory.end("a", 0)
  await until("the first end", async () => (await main())?.state?.terminated)
  assert.equal((await get()).status?.phase, "Running")
  memory.end("b", 0)
  await until("it to succeed", async () => (await get()).status?.phase === "Succeeded")
  assert.equal([...memory.sandboxes.values()][0]?.state, "SANDBOX_NOTREADY")
  assert.equal(memory.containers.size, 2, "its containers are kept for their logs")
})

test("while the runtime does not answer nothing changes; then it goes on", async (t) => {
  const { memory, api, advance, until, get, main } = await setUp(t)
  memory.intercept = () => {
    throw new CriError("UNAVAILABLE", "connection refused", "any")
  }
  await api.create(testPod(["a"]))
  await advance(20_000)
  assert.equal((await get()).status?.phase, undefined)
  memory.intercept = undefined
  await advance(10_000)
  await until("it to run", () => isRunning(main))
})

test("a sandbox that cannot be made is tried again, and told of", async (t) => {
  const { memory, api, events, advance, until, main } = await setUp(t)
  let failures = 2
  memory.intercept = (method) => {
    if (method === "RunPodSandbox" && failures-- > 0) throw new CriError("UNKNOWN", "no network", method)
  }
  await api.create(testPod(["a"]))
  await advance(5_000)
  await until("it to run", () => isRunning(main))
  const text =
    "Warning FailedCreatePodSandBox Failed to create pod sandbox: rpc error: code = Unknown desc = no network"
  assert.equal(events.filter((event) => event === text).length, 2)
})

test("a container that cannot be started", async (t) => {
  const { memory, api, until, main } = await setUp(t)
  memory.behaviours.set("a", "cannotStart")
  await api.create(testPod(["a"]))
  await until("its failure", async () => (await main())?.lastState?.terminated)
  const status = await main()
  assert.equal(status?.lastState?.terminated?.reason, "StartError")
  assert.match(status?.state?.waiting?.reason ?? "", /RunContainerError|CrashLoopBackOff/)
})

test("a pod over its deadline fails", async (t) => {
  const { api, advance, until, get, main } = await setUp(t)
  await api.create(testPod(["a"], { activeDeadlineSeconds: 60 }))
  await until("it to run", () => isRunning(main))
  await advance(50_000)
  assert.equal((await get()).status?.phase, "Running")
  await advance(11_000)
  await until("it to fail", async () => (await get()).status?.phase === "Failed")
  assert.equal((await get()).status?.reason, "DeadlineExceeded")
})

test("a start that its sandbox's death made fail is no crash: the container runs in the next sandbox at once", async (t) => {
  const { memory, api, clock, events, until, get, main } = await setUp(t)
  await api.create(testPod(["a"]))
  await until("it to run", () => isRunning(main))
  const [sandbox] = memory.sandboxes.values()
  const uid = (await get()).metadata.uid
  // The runtime ends the containers of a sandbox first: the restart comes into a sandbox that seems to be well.
  memory.behaviours.set("a", "cannotStart")
  memory.end("a", 137)
  await until("the start to be refused", () => events.some((text) => text.startsWith("Warning Failed Error")))
  memory.behaviours.set("a", "runs")
  const begin = clock.now()
  memory.endSandbox(sandbox?.id ?? "")
  await until("it to run again", () => isRunning(main))
  assert.ok(clock.now() - begin < 10_000, `it waited for ${clock.now() - begin} ms`)
  assert.equal((await get()).metadata.uid, uid)
  assert.ok(events.includes("Normal SandboxChanged Pod sandbox changed, it will be killed and re-created."))
  // The first crash in the new sandbox is its first of all.
  const before = clock.now()
  memory.end("a", 1)
  await until("the restart", async () => (await main())?.restartCount === 3)
  assert.ok(clock.now() - before < 10_000, `it waited for ${clock.now() - before} ms`)
})

test("that memory was full may be told after the end", async (t) => {
  const { memory, api, until, main } = await setUp(t)
  await api.create(testPod(["a"], { restartPolicy: "Never" }))
  await until("it to run", () => isRunning(main))
  const [id = ""] = memory.containers.keys()
  memory.end("a", 137)
  memory.tell({ type: "taskOom", containerId: id })
  await until("the end", async () => (await main())?.state?.terminated)
  assert.equal((await main())?.state?.terminated?.reason, "OOMKilled")
})
