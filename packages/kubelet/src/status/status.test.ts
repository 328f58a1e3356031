import assert from "node:assert/strict"
import { test } from "node:test"
import type { corev1 } from "@ladya/api"
import { formatTime } from "@ladya/apimachinery"
import type { Pod } from "../pods/pod.ts"
import type { ObservedPod } from "../runtime/observed.ts"
import { observedContainer, observedPod, observedSandbox, testPod } from "../testing/pods.ts"
import type { WaitingReason } from "./container-status.ts"
import { podStatus } from "./pod-status.ts"

const nowMs = Date.parse("2026-01-02T03:04:05Z")
const nowText = "2026-01-02T03:04:05Z"

interface Given {
  pod: Pod
  observed: ObservedPod
  previous?: corev1.PodStatus
  waiting?: Record<string, WaitingReason>
  unready?: string[]
  unstarted?: string[]
  finished?: boolean
  failure?: { reason: string; message: string }
}

function statusFor(given: Given): corev1.PodStatus {
  const { unready = [], unstarted = [] } = given
  return podStatus({
    pod: given.pod,
    previous: given.previous ?? {},
    observed: given.observed,
    hostIps: ["192.0.2.1"],
    nowMs,
    timeText: formatTime,
    waiting: (name) => given.waiting?.[name],
    probes: (id) => ({ started: !unstarted.includes(id), ready: !unready.includes(id) && !unstarted.includes(id) }),
    terminationMessage: ({ id }) => (id === "talks0" ? "last words" : ""),
    finished: given.finished ?? false,
    ...(given.failure ? { failure: given.failure } : {}),
  })
}

/** `Running; a running ready; PodReadyToStartContainers Initialized Ready …` */
function summary(status: corev1.PodStatus): string {
  const describe = (container: corev1.ContainerStatus): string => {
    const { running, terminated, waiting } = container.state ?? {}
    const state = running ? "running" : terminated ? `${terminated.reason}(${terminated.exitCode})` : waiting?.reason
    const last = container.lastState?.terminated
    return [
      `${container.name} ${state}`,
      ...(container.ready ? ["ready"] : []),
      ...(last ? [`after ${last.reason}(${last.exitCode})`] : []),
      ...(container.restartCount ? [`x${container.restartCount}`] : []),
    ].join(" ")
  }
  const containers = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])].map(describe)
  const conditions = (status.conditions ?? [])
    .filter((condition) => condition.status === "True")
    .map(({ type }) => type)
  return [status.phase, ...containers, conditions.join(" ")].join("; ")
}

const all = "PodReadyToStartContainers Initialized Ready ContainersReady PodScheduled"
const none = "PodReadyToStartContainers Initialized PodScheduled"
const never = { restartPolicy: "Never" }
const withInit = { initContainers: [{ name: "i", image: "image" }] }
const withSidecar = { initContainers: [{ name: "s", image: "image", restartPolicy: "Always" }] }
const crash: WaitingReason = { reason: "CrashLoopBackOff", message: "back-off" }

const cases: (Given & { name: string; expected: string })[] = [
  {
    name: "new",
    pod: testPod(["a"]),
    observed: observedPod([], []),
    expected: "Pending; a ContainerCreating; Initialized PodScheduled",
  },
  {
    name: "running",
    pod: testPod(["a", "b"]),
    observed: observedPod(["a running", "b running"]),
    expected: `Running; a running ready; b running ready; ${all}`,
  },
  {
    name: "running, not ready",
    pod: testPod(["a"]),
    observed: observedPod(["a running"]),
    unready: ["a0"],
    expected: `Running; a running; ${none}`,
  },
  {
    name: "one runs, one is being made",
    pod: testPod(["a", "b"]),
    observed: observedPod(["a running"]),
    expected: `Pending; a running ready; b ContainerCreating; ${none}`,
  },
  {
    name: "an image that is not to be had",
    pod: testPod(["a"]),
    observed: observedPod([]),
    waiting: { a: { reason: "ErrImagePull", message: "no" } },
    expected: `Pending; a ErrImagePull; ${none}`,
  },
  {
    name: "ended, not yet started again",
    pod: testPod(["a"]),
    observed: observedPod(["a exited 1"]),
    expected: `Running; a Error(1); ${none}`,
  },
  {
    name: "ended and backing off",
    pod: testPod(["a"]),
    observed: observedPod([
      observedContainer("a exited 1", { restartCount: 2 }),
      observedContainer("a exited 3", { restartCount: 1 }),
    ]),
    waiting: { a: crash },
    expected: `Running; a CrashLoopBackOff after Error(1) x2; ${none}`,
  },
  {
    name: "runs again",
    pod: testPod(["a"]),
    observed: observedPod([observedContainer("a running", { restartCount: 1 }), observedContainer("a exited 3")]),
    expected: `Running; a running ready after Error(3) x1; ${all}`,
  },
  {
    name: "all ended, being stopped",
    pod: testPod(["a"], never),
    observed: observedPod(["a exited 0"]),
    expected: `Running; a Completed(0); ${none}`,
  },
  {
    name: "succeeded",
    pod: testPod(["a"], never),
    observed: observedPod(["a exited 0"], [observedSandbox({ ready: false })]),
    finished: true,
    expected: "Succeeded; a Completed(0); Initialized PodScheduled",
  },
  {
    name: "failed",
    pod: testPod(["a", "b"], never),
    observed: observedPod(["a exited 0", "b exited 2"], []),
    finished: true,
    expected: "Failed; a Completed(0); b Error(2); Initialized PodScheduled",
  },
  {
    name: "an init container runs",
    pod: testPod(["a"], withInit),
    observed: observedPod(["i running"]),
    expected: "Pending; i running; a PodInitializing; PodReadyToStartContainers PodScheduled",
  },
  {
    name: "an init container is done",
    pod: testPod(["a"], withInit),
    observed: observedPod(["i exited 0"]),
    expected: `Pending; i Completed(0) ready; a ContainerCreating; ${none}`,
  },
  {
    name: "an init container fails for ever",
    pod: testPod(["a"], withInit),
    observed: observedPod(["i exited 1"]),
    waiting: { i: crash },
    expected: "Pending; i CrashLoopBackOff after Error(1); a PodInitializing; PodReadyToStartContainers PodScheduled",
  },
  {
    name: "an init container failed for good",
    pod: testPod(["a"], { ...withInit, ...never }),
    observed: observedPod(["i exited 1"], []),
    finished: true,
    expected: "Failed; i Error(1); a PodInitializing; PodScheduled",
  },
  {
    name: "a sidecar that has not started",
    pod: testPod(["a"], withSidecar),
    observed: observedPod(["s running"]),
    unstarted: ["s0"],
    expected: "Pending; s running; a ContainerCreating; PodReadyToStartContainers PodScheduled",
  },
  {
    name: "a sidecar counts for readiness",
    pod: testPod(["a"], withSidecar),
    observed: observedPod(["a running", "s running"]),
    unready: ["s0"],
    expected: `Running; s running; a running ready; ${none}`,
  },
  {
    name: "created by the runtime, then never started",
    pod: testPod(["a"]),
    observed: observedPod(["a created"]),
    waiting: { a: { reason: "RunContainerError", message: "no" } },
    expected: `Pending; a RunContainerError; ${none}`,
  },
]

for (const { name, expected, ...given } of cases) {
  test(`status: ${name}`, () => assert.equal(summary(statusFor(given)), expected))
}

test("addresses, times, class, images and ids", () => {
  const status = statusFor({ pod: testPod(["talks"], never), observed: observedPod(["talks exited 1"]) })
  assert.equal(status.podIP, "10.244.1.2")
  assert.deepEqual(status.podIPs, [{ ip: "10.244.1.2" }])
  assert.equal(status.hostIP, "192.0.2.1")
  assert.deepEqual(status.hostIPs, [{ ip: "192.0.2.1" }])
  assert.equal(status.startTime, nowText)
  assert.equal(status.qosClass, "BestEffort")
  assert.equal(status.observedGeneration, 1)
  const [container] = status.containerStatuses ?? []
  assert.equal(container?.image, "image")
  assert.equal(container?.imageID, "sha256:1")
  assert.equal(container?.containerID, "containerd://talks0")
  assert.equal(container?.state?.terminated?.containerID, "containerd://talks0")
  assert.equal(container?.state?.terminated?.message, "last words")
})

test("a condition keeps its time while its status stays; others' conditions are kept", () => {
  const before = "2026-01-01T00:00:00Z"
  const previous: corev1.PodStatus = {
    startTime: before,
    conditions: [
      { type: "Ready", status: "True", lastTransitionTime: before },
      { type: "ContainersReady", status: "False", lastTransitionTime: before },
      { type: "example.com/gate", status: "True", lastTransitionTime: before },
    ],
  }
  const status = statusFor({ pod: testPod(["a"]), observed: observedPod(["a running"]), previous })
  const times = Object.fromEntries(
    (status.conditions ?? []).map(({ type, lastTransitionTime }) => [type, lastTransitionTime]),
  )
  assert.equal(times["Ready"], before)
  assert.equal(times["ContainersReady"], nowText)
  assert.equal(times["example.com/gate"], before)
  assert.equal(status.startTime, before)
})

test("readiness gates", () => {
  const pod = testPod(["a"], { readinessGates: [{ conditionType: "gate" }] })
  const ready = (): corev1.PodCondition | undefined =>
    statusFor({ pod, observed: observedPod(["a running"]) }).conditions?.find(({ type }) => type === "Ready")
  assert.equal(ready()?.message, 'corresponding condition of pod readiness gate "gate" does not exist.')
  pod.status = { conditions: [{ type: "gate", status: "False" }] }
  assert.equal(ready()?.message, 'the status of pod readiness gate "gate" is not "True", but False')
  pod.status = { conditions: [{ type: "gate", status: "True" }] }
  assert.equal(ready()?.status, "True")
})

test("a pod that was refused has nothing but that to tell", () => {
  const failure = { reason: "OutOfcpu", message: "Pod was rejected: too much" }
  const status = statusFor({ pod: testPod(["a"]), observed: observedPod([], []), finished: true, failure })
  assert.deepEqual(
    [status.phase, status.reason, status.message, status.containerStatuses],
    ["Failed", "OutOfcpu", failure.message, undefined],
  )
})

test("a final phase and what was last known of lost containers stay", () => {
  const done = { exitCode: 0, reason: "Completed" }
  const previous: corev1.PodStatus = {
    phase: "Succeeded",
    containerStatuses: [
      { name: "a", state: { terminated: done }, image: "", imageID: "x", ready: false, restartCount: 3 },
    ],
  }
  const status = statusFor({ pod: testPod(["a"], never), observed: observedPod([], []), previous, finished: true })
  assert.equal(status.phase, "Succeeded")
  assert.deepEqual(status.containerStatuses?.[0]?.state?.terminated, done)
  assert.equal(status.containerStatuses?.[0]?.restartCount, 3)
  assert.equal(status.containerStatuses?.[0]?.imageID, "x")
})
