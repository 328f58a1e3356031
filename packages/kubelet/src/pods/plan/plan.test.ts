import assert from "node:assert/strict"
import { test } from "node:test"
import type { corev1 } from "@ladya/api"
import type { ObservedPod } from "../../runtime/observed.ts"
import { observedContainer, observedPod, observedSandbox, testPod } from "../../testing/pods.ts"
import type { Pod } from "../pod.ts"
import { type PodPlan, type ProbeVerdicts, planPod } from "./plan.ts"

/** A plan in one line: `sandbox 1`, `finish`, `kill a0:livenessProbe start b/0 wait c:5000`. */
function text(plan: PodPlan): string {
  if (plan.kind === "finish") return "finish"
  if (plan.kind === "newSandbox") return `sandbox ${plan.attempt}${plan.replaces ? ` for ${plan.replaces.id}` : ""}`
  const parts = [
    ...plan.kill.map(({ container, reason }) => `kill ${container.id}:${reason}`),
    ...plan.start.map(({ container, restartCount }) => `start ${container.spec.name}/${restartCount}`),
    ...plan.wait.map(({ container, remainingMs }) => `wait ${container.spec.name}:${remainingMs}`),
  ]
  return parts.join(" ") || "nothing"
}

interface Case {
  name: string
  pod: Pod
  observed: ObservedPod
  probes?: Record<string, ProbeVerdicts>
  backoff?: Record<string, number>
  plan: string
}

const never = { restartPolicy: "Never" }
const onFailure = { restartPolicy: "OnFailure" }
const down = observedSandbox({ ready: false })
const init = (...names: string[]): Partial<corev1.PodSpec> => ({
  initContainers: names.map((name) => ({ name, image: "image" })),
})
const sidecar = (name: string, more: Partial<corev1.Container> = {}): corev1.Container => ({
  ...{ name, image: "image", restartPolicy: "Always" },
  ...more,
})
const deleted = { deletionTimestamp: "2026-01-01T00:00:00Z" }

const cases: Case[] = [
  // sandboxes
  { name: "a new pod", pod: testPod(["a"]), observed: observedPod([], []), plan: "sandbox 0" },
  {
    name: "a sandbox that is down",
    pod: testPod(["a"]),
    observed: observedPod(["a running"], [down]),
    plan: "sandbox 1 for s0",
  },
  {
    name: "two sandboxes that are ready",
    pod: testPod(["a"]),
    observed: observedPod(["a running"], [observedSandbox({ id: "s1", attempt: 1 }), observedSandbox()]),
    plan: "sandbox 2 for s1",
  },
  {
    name: "a sandbox without an address",
    pod: testPod(["a"]),
    observed: observedPod(["a running"], [observedSandbox({ ips: [] })]),
    plan: "sandbox 1 for s0",
  },
  {
    name: "a sandbox in the node's network needs no address",
    pod: testPod(["a"], { hostNetwork: true }),
    observed: observedPod(["a running"], [observedSandbox({ ips: [], hostNetwork: true })]),
    plan: "nothing",
  },
  {
    name: "a sandbox in the wrong network",
    pod: testPod(["a"], { hostNetwork: true }),
    observed: observedPod(["a running"]),
    plan: "sandbox 1 for s0",
  },
  {
    name: "down, and nothing may restart",
    pod: testPod(["a"], never),
    observed: observedPod(["a exited 0"], [down]),
    plan: "finish",
  },
  {
    name: "down, restart on failure, all succeeded",
    pod: testPod(["a"], onFailure),
    observed: observedPod(["a exited 0"], [down]),
    plan: "finish",
  },
  {
    name: "down, restart on failure, one failed",
    pod: testPod(["a", "b"], onFailure),
    observed: observedPod(["a exited 0", "b exited 1"], [down]),
    plan: "sandbox 1 for s0",
  },
  {
    name: "down before anything ran, never restarted",
    pod: testPod(["a"], never),
    observed: observedPod([], [down]),
    plan: "sandbox 1 for s0",
  },
  // main containers
  {
    name: "containers that never ran",
    pod: testPod(["a", "b"]),
    observed: observedPod([]),
    plan: "start a/0 start b/0",
  },
  { name: "all run", pod: testPod(["a", "b"]), observed: observedPod(["a running", "b running"]), plan: "nothing" },
  {
    name: "one has ended",
    pod: testPod(["a", "b"]),
    observed: observedPod(["a exited 0", "b running"]),
    plan: "start a/1",
  },
  {
    name: "one waits for its back-off",
    pod: testPod(["a"]),
    observed: observedPod(["a exited 1"]),
    backoff: { a: 5000 },
    plan: "wait a:5000",
  },
  {
    name: "on failure: success is the end",
    pod: testPod(["a", "b"], onFailure),
    observed: observedPod(["a exited 0", "b running"]),
    plan: "nothing",
  },
  {
    name: "on failure: failure is not",
    pod: testPod(["a", "b"], onFailure),
    observed: observedPod(["a exited 1", "b running"]),
    plan: "start a/1",
  },
  {
    name: "on failure: all succeeded",
    pod: testPod(["a", "b"], onFailure),
    observed: observedPod(["a exited 0", "b exited 0"]),
    plan: "finish",
  },
  {
    name: "never: one still runs",
    pod: testPod(["a", "b"], never),
    observed: observedPod(["a exited 1", "b running"]),
    plan: "nothing",
  },
  {
    name: "never: all have ended",
    pod: testPod(["a", "b"], never),
    observed: observedPod(["a exited 1", "b exited 0"]),
    plan: "finish",
  },
  {
    name: "created, never started",
    pod: testPod(["a"], never),
    observed: observedPod(["a created"]),
    plan: "start a/1",
  },
  {
    name: "nobody knows its state",
    pod: testPod(["a"]),
    observed: observedPod(["a unknown"]),
    plan: "kill a0:unknown start a/1",
  },
  {
    name: "the restart count goes on from the latest instance",
    pod: testPod(["a"]),
    observed: observedPod([
      observedContainer("a exited 1", { restartCount: 4 }),
      observedContainer("a exited 1", { restartCount: 3 }),
    ]),
    plan: "start a/5",
  },
  {
    name: "another image",
    pod: testPod([{ name: "a", image: "new" }]),
    observed: observedPod(["a running"]),
    plan: "kill a0:definitionChanged",
  },
  {
    name: "left over in an old sandbox",
    pod: testPod(["a"]),
    observed: observedPod([observedContainer("a running", { sandboxId: "old" })]),
    plan: "kill a0:unknown",
  },
  {
    name: "deleted: nothing is started again",
    pod: testPod(["a"], {}, deleted),
    observed: observedPod(["a exited 1"]),
    plan: "finish",
  },
  // restart rules
  {
    name: "a rule for the exit code",
    pod: testPod(
      [
        {
          name: "a",
          restartPolicy: "Never",
          restartPolicyRules: [{ action: "Restart", exitCodes: { operator: "In", values: [42] } }],
        },
      ],
      never,
    ),
    observed: observedPod(["a exited 42"]),
    plan: "start a/1",
  },
  {
    name: "no rule for the exit code",
    pod: testPod(
      [
        {
          name: "a",
          restartPolicy: "Never",
          restartPolicyRules: [{ action: "Restart", exitCodes: { operator: "In", values: [42] } }],
        },
      ],
      never,
    ),
    observed: observedPod(["a exited 1"]),
    plan: "finish",
  },
  {
    name: "a container's own policy",
    pod: testPod([{ name: "a", restartPolicy: "OnFailure" }], never),
    observed: observedPod(["a exited 1"]),
    plan: "start a/1",
  },
  // probes
  {
    name: "failed liveness",
    pod: testPod(["a", "b"]),
    observed: observedPod(["a running", "b running"]),
    probes: { a0: { liveness: "failure" } },
    plan: "kill a0:livenessProbe",
  },
  {
    name: "failed startup",
    pod: testPod(["a"]),
    observed: observedPod(["a running"]),
    probes: { a0: { startup: "failure" } },
    plan: "kill a0:startupProbe",
  },
  // init containers
  {
    name: "the first init container",
    pod: testPod(["a"], init("i", "j")),
    observed: observedPod([]),
    plan: "start i/0",
  },
  {
    name: "an init container runs",
    pod: testPod(["a"], init("i", "j")),
    observed: observedPod(["i running"]),
    plan: "nothing",
  },
  {
    name: "the next init container",
    pod: testPod(["a"], init("i", "j")),
    observed: observedPod(["i exited 0"]),
    plan: "start j/0",
  },
  {
    name: "all init containers are done",
    pod: testPod(["a"], init("i", "j")),
    observed: observedPod(["j exited 0", "i exited 0"]),
    plan: "start a/0",
  },
  {
    name: "one failed and is tried again",
    pod: testPod(["a"], init("i")),
    observed: observedPod(["i exited 1"]),
    plan: "start i/1",
  },
  {
    name: "one failed and waits",
    pod: testPod(["a"], init("i")),
    observed: observedPod(["i exited 1"]),
    backoff: { i: 100 },
    plan: "wait i:100",
  },
  {
    name: "one failed for good",
    pod: testPod(["a"], { ...init("i"), ...never }),
    observed: observedPod(["i exited 1"]),
    plan: "finish",
  },
  {
    name: "the remains of an early one are gone",
    pod: testPod(["a"], init("i", "j")),
    observed: observedPod(["j exited 0"]),
    plan: "start a/0",
  },
  {
    name: "all remains are gone, but a main container ran",
    pod: testPod(["a"], init("i", "j")),
    observed: observedPod(["a exited 1"]),
    plan: "start a/1",
  },
  {
    name: "in a new sandbox they run again",
    pod: testPod(["a"], init("i")),
    observed: observedPod(
      [observedContainer("i exited 0", { sandboxId: "old" }), observedContainer("a exited 137", { sandboxId: "old" })],
      [observedSandbox({ attempt: 1 })],
    ),
    plan: "start i/1",
  },
  // sidecars
  {
    name: "a sidecar is started first",
    pod: testPod(["a"], { initContainers: [sidecar("s")] }),
    observed: observedPod([]),
    plan: "start s/0",
  },
  {
    name: "it runs, so the rest follows",
    pod: testPod(["a"], { initContainers: [sidecar("s")] }),
    observed: observedPod(["s running"]),
    plan: "start a/0",
  },
  {
    name: "it has not passed its startup probe",
    pod: testPod(["a"], { initContainers: [sidecar("s", { startupProbe: {} })] }),
    observed: observedPod(["s running"]),
    plan: "nothing",
  },
  {
    name: "it has passed its startup probe",
    pod: testPod(["a"], { initContainers: [sidecar("s", { startupProbe: {} })] }),
    observed: observedPod(["s running"]),
    probes: { s0: { startup: "success" } },
    plan: "start a/0",
  },
  {
    name: "it ended while the main container runs",
    pod: testPod(["a"], { initContainers: [sidecar("s")], ...never }),
    observed: observedPod(["a running", "s exited 1"]),
    plan: "start s/1",
  },
  {
    name: "it fails its liveness probe",
    pod: testPod(["a"], { initContainers: [sidecar("s")] }),
    observed: observedPod(["a running", "s running"]),
    probes: { s0: { liveness: "failure" } },
    plan: "kill s0:livenessProbe",
  },
  {
    name: "it does not keep a finished pod alive",
    pod: testPod(["a"], { initContainers: [sidecar("s")], ...never }),
    observed: observedPod(["a exited 0", "s running"]),
    plan: "finish",
  },
  {
    name: "an init container waits for the sidecar before it",
    pod: testPod(["a"], { initContainers: [sidecar("s"), { name: "i", image: "image" }] }),
    observed: observedPod(["s exited 1"]),
    plan: "start s/1",
  },
  // ephemeral containers
  {
    name: "an ephemeral container is started once",
    pod: testPod(["a"], { ephemeralContainers: [{ name: "e", image: "image" }] }),
    observed: observedPod(["a running"]),
    plan: "start e/0",
  },
  {
    name: "and never again",
    pod: testPod(["a"], { ephemeralContainers: [{ name: "e", image: "image" }] }),
    observed: observedPod(["a running", "e exited 1"]),
    plan: "nothing",
  },
]

for (const { name, pod, observed, probes = {}, backoff = {}, plan } of cases) {
  test(`plan: ${name}`, () => {
    const result = planPod({
      pod,
      observed,
      probes: (id) => probes[id],
      backoff: ({ spec }) => backoff[spec.name] ?? 0,
    })
    assert.equal(text(result), plan)
  })
}

test("the message of a kill says whether the container comes back", () => {
  const kill = (restartPolicy: string): string | undefined => {
    const plan = planPod({
      pod: testPod(["a"], { restartPolicy }),
      observed: observedPod(["a running"]),
      probes: () => ({ liveness: "failure" }),
      backoff: () => 0,
    })
    return plan.kind === "run" ? plan.kill[0]?.message : undefined
  }
  assert.equal(kill("Always"), "Container a failed liveness probe, will be restarted")
  assert.equal(kill("Never"), "Container a failed liveness probe")
})
