import assert from "node:assert/strict"
import { readdir } from "node:fs/promises"
import { after, before, test } from "node:test"
import { refs } from "@ladya/api"
import { sleep, systemClock, waitFor } from "@ladya/util"
import { busyboxPod, isTrue, type Pod, patienceMs, startTestNode, statusOf, type TestNode } from "../support/node.ts"

let node: TestNode

before(async () => {
  node = await startTestNode("restart")
})
after(() => node?.stop())

test("a kubelet that was killed finds everything again and restarts nothing", async () => {
  const ready = { exec: { command: ["true"] }, periodSeconds: 1, timeoutSeconds: 60 }
  await node.run(busyboxPod("kept", { readinessProbe: ready }))
  await node.run(
    busyboxPod(
      "ends",
      { command: ["sh", "-c", "while [ ! -e /end ]; do sleep 0.1; done; exit 42"] },
      { restartPolicy: "Never" },
    ),
  )
  await node.run(busyboxPod("deleted"))
  await node.run(busyboxPod("forced"))
  const before = await node.until("kept", "to run", (pod) => isTrue(pod, "Ready"))
  for (const name of ["ends", "deleted", "forced"]) await node.until(name, "to run", (pod) => isTrue(pod, "Ready"))

  await node.stopKubelet(0)
  await node.exec("ends", "main", "touch", "/end")
  const pods = node.client.resource(refs.pods)
  await pods.delete("deleted", { namespace: "default" })
  const forced = await node.get("forced")
  await pods.delete("forced", { namespace: "default", gracePeriodSeconds: 0 })
  assert.match(await node.exec("kept", "main", "hostname"), /kept/)
  await node.startKubelet()

  const ended = await node.until("ends", "Failed", ({ status }) => status?.phase === "Failed")
  assert.equal(statusOf(ended)?.state?.terminated?.exitCode, 42)
  await waitFor(systemClock, async () => !(await node.get("deleted")), {
    description: "the deleted pod to go",
    timeoutMs: patienceMs,
  })
  const labelSelector = { "io.kubernetes.pod.uid": forced?.metadata.uid ?? "" }
  await waitFor(systemClock, async () => (await node.cri.runtime.listPodSandboxes({ labelSelector })).length === 0, {
    description: "what is left of the forced pod to go",
    timeoutMs: patienceMs,
  })
  const now = await node.get("kept")
  assert.ok(now)
  assert.equal(statusOf(now)?.containerID, statusOf(before)?.containerID)
  assert.equal(statusOf(now)?.restartCount, 0)
  assert.equal(
    now.status?.conditions?.find(({ type }) => type === "Ready")?.lastTransitionTime,
    before.status?.conditions?.find(({ type }) => type === "Ready")?.lastTransitionTime,
    "it never stopped being ready",
  )
  await node.remove("kept")
  await node.remove("ends")
})

test("a pod whose sandbox dies gets a new one", async () => {
  const created = await node.run(busyboxPod("orphaned"))
  const before = await node.until("orphaned", "to run", (pod) => isTrue(pod, "Ready"))
  const labelSelector = { "io.kubernetes.pod.uid": created.metadata.uid ?? "" }
  const [sandbox] = await node.cri.runtime.listPodSandboxes({ labelSelector })
  await node.cri.runtime.stopPodSandbox(sandbox?.id ?? "")
  const pod = await node.until(
    "orphaned",
    "to run again",
    // The kubelet may have tried to start it in the old sandbox before that was quite dead.
    (pod) => isTrue(pod, "Ready") && (statusOf(pod)?.restartCount ?? 0) >= 1,
  )
  assert.notEqual(statusOf(pod)?.containerID, statusOf(before)?.containerID)
  await node.untilEvent("orphaned", "Normal SandboxChanged Pod sandbox changed, it will be killed and re-created.")
  await node.remove("orphaned")
})

test("containerd dies: pods go on, and what ended meanwhile is seen when it is back", async () => {
  await node.run(busyboxPod("steady"))
  await node.run(busyboxPod("crashes", { command: ["sh", "-c", "while [ ! -e /end ]; do sleep 0.1; done; exit 7"] }))
  const before = await node.until("steady", "to run", (pod) => isTrue(pod, "Ready"))
  await node.until("crashes", "to run", (pod) => isTrue(pod, "Ready"))
  await node.exec("crashes", "main", "sh", "-c", "(sleep 1; touch /end) &")
  await node.killContainerd()
  await sleep(systemClock, 1500)
  await node.boot()
  const after = await node.until(
    "crashes",
    "to run again",
    (pod) => isTrue(pod, "Ready") && statusOf(pod)?.restartCount === 1,
  )
  assert.equal(statusOf(after)?.lastState?.terminated?.exitCode, 7)
  assert.equal(statusOf((await node.get("steady")) as Pod)?.containerID, statusOf(before)?.containerID)
  await node.remove("crashes")
  await node.remove("steady")
})

test("the machine is turned off and on: its pods run again, with new addresses of their own", async () => {
  await node.run(busyboxPod("survivor"))
  await node.run(busyboxPod("once", {}, { restartPolicy: "Never" }))
  await node.until("survivor", "to run", (pod) => isTrue(pod, "Ready"))
  await node.until("once", "to run", (pod) => isTrue(pod, "Ready"))
  await node.halt()
  await node.boot()
  await node.startKubelet()
  const pod = await node.until(
    "survivor",
    "to run again",
    (pod) => isTrue(pod, "Ready") && statusOf(pod)?.restartCount === 1,
  )
  assert.deepEqual(
    [statusOf(pod)?.lastState?.terminated?.exitCode, statusOf(pod)?.lastState?.terminated?.reason],
    [255, "Unknown"],
  )
  const once = await node.until("once", "to have failed", ({ status }) => status?.phase === "Failed")
  assert.equal(statusOf(once)?.state?.terminated?.exitCode, 255)
  await node.remove("survivor")
  await node.remove("once")
})

test("nothing is left of pods that are gone", async () => {
  const left = async (): Promise<string[]> => {
    const [sandboxes, containers, pods, logs] = await Promise.all([
      node.cri.runtime.listPodSandboxes(),
      node.cri.runtime.listContainers(),
      readdir(`${node.dataDirectory}/pods`),
      readdir(`${node.dataDirectory}/logs/pods`),
    ])
    return [
      ...sandboxes.map(({ metadata, state }) => `sandbox ${metadata.name}/${metadata.attempt} ${state}`),
      ...containers.map(({ id, labels, state }) => `container ${labels["io.kubernetes.pod.name"]} ${id} ${state}`),
      ...pods.map((name) => `directory pods/${name}`),
      ...logs.map((name) => `directory logs/pods/${name}`),
    ]
  }
  const gone = async (): Promise<boolean> => {
    const what = await left()
    if (what.length > 0) throw new Error(`there is still ${what.join(", ")}`)
    return true
  }
  await waitFor(systemClock, gone, { description: "all remains to go", timeoutMs: patienceMs })
})
