import assert from "node:assert/strict"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { createServer as createTcpServer } from "node:net"
import { test } from "node:test"
import type { corev1 } from "@ladya/api"
import { CriError, type RuntimeService } from "@ladya/cri"
import { FakeClock, settle, systemClock } from "@ladya/util"
import { observedContainer, observedPod, testContainer, testPod } from "../testing/pods.ts"
import { newProbeManager } from "./manager.ts"
import { newProbeRunner, type ProbeOutcome } from "./runner.ts"

const never = new AbortController().signal

interface Setup {
  clock: FakeClock
  events: string[]
  changes: number
  runs: string[]
  outcomes: Record<string, ProbeOutcome | Error>
  manager: ReturnType<typeof newProbeManager>
}

/** A probe manager whose probes give what `outcomes` says for their exec command. */
function setUp(): Setup {
  const clock = new FakeClock()
  const setup = { clock, events: [], runs: [], changes: 0, outcomes: {} } as unknown as Setup
  setup.manager = newProbeManager({
    runner: {
      run: async (probe) => {
        const name = probe.exec?.command?.[0] ?? ""
        setup.runs.push(name)
        const outcome = setup.outcomes[name] ?? { result: "success", output: "" }
        if (outcome instanceof Error) throw outcome
        return outcome
      },
    },
    clock,
    random: () => 0.5,
    hostIp: () => "1.2.3.4",
    changed: () => {
      setup.changes++
    },
    event: (_pod, container, type, reason, message) =>
      setup.events.push(`${type} ${reason} ${container.spec.name}: ${message}`),
  })
  return setup
}

const exec = (name: string, more: Partial<corev1.Probe> = {}): corev1.Probe => ({
  ...{ exec: { command: [name] }, periodSeconds: 10, failureThreshold: 3, successThreshold: 1 },
  ...more,
})

const fail: ProbeOutcome = { result: "failure", output: "no" }

function running(setup: Setup, more: Partial<corev1.Container>) {
  const pod = testPod([{ name: "a", ...more }])
  const now = setup.clock.now()
  const container = observedContainer("a running", { createdAtMs: now, startedAtMs: now })
  setup.manager.sync(pod, observedPod([container]))
  return pod
}

test("without probes a running container is started and ready", () => {
  const setup = setUp()
  running(setup, {})
  assert.deepEqual(setup.manager.state("a0"), { started: true, ready: true })
  assert.deepEqual(setup.manager.state("other"), { started: false, ready: false })
})

test("readiness turns with its thresholds", async () => {
  const setup = setUp()
  running(setup, { readinessProbe: exec("r", { successThreshold: 2, failureThreshold: 2, initialDelaySeconds: 5 }) })
  await setup.clock.advance(4_000)
  assert.deepEqual(setup.runs, [])
  await setup.clock.advance(1_000)
  assert.equal(setup.runs.length, 1)
  assert.equal(setup.manager.state("a0").ready, false)
  await setup.clock.advance(10_000)
  assert.equal(setup.manager.state("a0").ready, true)
  setup.outcomes["r"] = fail
  await setup.clock.advance(10_000)
  assert.equal(setup.manager.state("a0").ready, true)
  await setup.clock.advance(10_000)
  assert.equal(setup.manager.state("a0").ready, false)
  assert.deepEqual(setup.events, Array(2).fill("Warning Unhealthy a: Readiness probe failed: no"))
  assert.equal(setup.changes, 2)
  setup.manager.stop()
})

test("failed liveness is told once, and the probe rests until there is a new instance", async () => {
  const setup = setUp()
  const pod = running(setup, { livenessProbe: exec("l") })
  setup.outcomes["l"] = fail
  await setup.clock.advance(20_000)
  assert.deepEqual(setup.manager.verdicts("a0"), { liveness: "failure" })
  const runs = setup.runs.length
  await setup.clock.advance(60_000)
  assert.equal(setup.runs.length, runs)
  const now = setup.clock.now()
  const next = observedContainer("a running", { restartCount: 1, createdAtMs: now, startedAtMs: now })
  setup.manager.sync(pod, observedPod([next]))
  assert.equal(setup.manager.verdicts("a0"), undefined)
  assert.deepEqual(setup.manager.verdicts("a1"), {})
  await setup.clock.advance(1_000)
  assert.equal(setup.runs.length, runs + 1)
  setup.manager.stop()
})

test("liveness and readiness begin after the startup probe has passed", async () => {
  const setup = setUp()
  running(setup, { startupProbe: exec("s"), livenessProbe: exec("l"), readinessProbe: exec("r") })
  setup.outcomes["s"] = fail
  await setup.clock.advance(10_000)
  assert.deepEqual(setup.runs, ["s", "s"])
  assert.deepEqual(setup.manager.state("a0"), { started: false, ready: false })
  delete setup.outcomes["s"]
  await setup.clock.advance(10_000)
  assert.deepEqual(setup.runs, ["s", "s", "s", "l", "r"])
  assert.deepEqual(setup.manager.state("a0"), { started: true, ready: true })
  await setup.clock.advance(10_000)
  assert.deepEqual(setup.runs.slice(5), ["l", "r"])
  setup.manager.stop()
})

test("a startup probe that fails too often", async () => {
  const setup = setUp()
  running(setup, { startupProbe: exec("s") })
  setup.outcomes["s"] = fail
  await setup.clock.advance(20_000)
  assert.deepEqual(setup.manager.verdicts("a0"), { startup: "failure" })
  setup.manager.stop()
})

test("a probe that cannot be run says nothing", async () => {
  const setup = setUp()
  running(setup, { livenessProbe: exec("l", { failureThreshold: 1 }) })
  setup.outcomes["l"] = new Error("no such container")
  await setup.clock.advance(30_000)
  assert.deepEqual(setup.manager.verdicts("a0"), {})
  assert.match(setup.events[0] ?? "", /Liveness probe errored and resulted in unknown state: no such container$/)
  setup.manager.stop()
})

test("a pod that is being stopped is not restarted, but may become unready", async () => {
  const setup = setUp()
  running(setup, {
    livenessProbe: exec("l", { failureThreshold: 1 }),
    readinessProbe: exec("r", { failureThreshold: 1 }),
  })
  await setup.clock.advance(1_000)
  setup.manager.terminating("u1")
  setup.outcomes["l"] = fail
  setup.outcomes["r"] = fail
  await setup.clock.advance(20_000)
  assert.deepEqual(setup.manager.verdicts("a0"), {})
  assert.equal(setup.manager.state("a0").ready, false)
  setup.manager.remove("u1")
  assert.equal(setup.clock.waiting, 0)
})

test("after a restart of the agent an instance that was ready stays ready until probed", async () => {
  const setup = setUp()
  const pod = testPod([{ name: "a", readinessProbe: exec("r") }])
  const status = { name: "a", containerID: "containerd://a0", ready: true, started: true }
  pod.status = { containerStatuses: [{ ...status, image: "", imageID: "", restartCount: 0 }] }
  const started = setup.clock.now() - 3_600_000
  setup.manager.sync(pod, observedPod([observedContainer("a running", { startedAtMs: started })]))
  assert.equal(setup.manager.state("a0").ready, true)
  setup.outcomes["r"] = fail
  await setup.clock.advance(4_000)
  assert.deepEqual(setup.runs, [], "probes of old containers are spread over a period")
  await setup.clock.advance(26_000)
  assert.equal(setup.manager.state("a0").ready, false)
  setup.manager.stop()
  await settle()
})

// ---- the actions

const noRuntime = {} as RuntimeService

const target = {
  container: testContainer({ name: "a", ports: [{ name: "web", containerPort: 1 }] }),
  containerId: "id",
  podIp: "127.0.0.1",
  signal: never,
}

test("httpGet: codes, redirects, headers, what is not there", async () => {
  const server = createServer((request, response) => {
    if (request.url === "/ok") response.end(`ua=${request.headers["user-agent"]} host=${request.headers["host"]}`)
    else if (request.url === "/here") response.writeHead(302, { Location: "/ok" }).end()
    else if (request.url === "/there") response.writeHead(302, { Location: "http://192.0.2.1/" }).end()
    else if (request.url === "/slow") return
    else response.writeHead(503).end("down")
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as AddressInfo
  const runner = newProbeRunner({ runtime: noRuntime, clock: systemClock })
  const get = (path: string, more: Partial<corev1.HTTPGetAction> = {}): Promise<ProbeOutcome> =>
    runner.run({ httpGet: { path, port, ...more } }, target)
  try {
    const ok = await get("/ok", { httpHeaders: [{ name: "Host", value: "me" }] })
    assert.deepEqual(ok, { result: "success", output: "ua=kube-probe/1.36 host=me" })
    assert.equal((await get("/here")).result, "success")
    assert.equal((await get("/there")).result, "warning")
    assert.deepEqual(await get("/else"), { result: "failure", output: "HTTP probe failed with statuscode: 503" })
    assert.deepEqual(await get("/slow"), {
      result: "failure",
      output: `Get "http://127.0.0.1:${port}/slow": context deadline exceeded (Client.Timeout exceeded while awaiting headers)`,
    })
    await assert.rejects(runner.run({ httpGet: { port: "nope" } }, target), /couldn't find port: "nope"/)
  } finally {
    server.closeAllConnections()
    server.close()
  }
  assert.deepEqual(await get("/ok"), {
    result: "failure",
    output: `Get "http://127.0.0.1:${port}/ok": dial tcp 127.0.0.1:${port}: connect: connection refused`,
  })
})

test("tcpSocket", async () => {
  const server = createTcpServer((socket) => socket.destroy())
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const { port } = server.address() as AddressInfo
  const runner = newProbeRunner({ runtime: noRuntime, clock: systemClock })
  assert.equal((await runner.run({ tcpSocket: { port } }, target)).result, "success")
  await new Promise((resolve) => server.close(resolve))
  assert.deepEqual(await runner.run({ tcpSocket: { port } }, target), {
    result: "failure",
    output: `dial tcp 127.0.0.1:${port}: connect: connection refused`,
  })
})

test("exec: exit codes, time-outs, what went wrong", async () => {
  const run = (execSync: RuntimeService["execSync"]): Promise<ProbeOutcome> =>
    newProbeRunner({ runtime: { ...noRuntime, execSync }, clock: systemClock }).run(
      { exec: { command: ["a", "b"] }, timeoutSeconds: 2 },
      target,
    )
  const result = (exitCode: number) => ({ exitCode, stdout: Buffer.from("out "), stderr: Buffer.from("err") })
  assert.deepEqual(await run(async () => result(0)), { result: "success", output: "out err" })
  assert.deepEqual(await run(async () => result(1)), { result: "failure", output: "out err" })
  const late = run(async () => {
    throw new CriError("DEADLINE_EXCEEDED", "timeout 2s exceeded", "ExecSync")
  })
  assert.deepEqual(await late, { result: "failure", output: 'command timed out: "a b" timed out after 2s' })
  const broken = run(async () => {
    throw new CriError("NOT_FOUND", "gone", "ExecSync")
  })
  await assert.rejects(broken, /gone/)
})
