import assert from "node:assert/strict"
import { after, before, test } from "node:test"
import { busyboxPod, isTrue, startTestNode, statusOf, type TestNode } from "../support/node.ts"

let node: TestNode

before(async () => {
  node = await startTestNode("kubelet")
})
after(() => node?.stop())

test("a pod runs, is told of in status and events, and goes when it is deleted", async () => {
  await node.run(busyboxPod("plain"))
  const pod = await node.until("plain", "to be ready", (pod) => isTrue(pod, "Ready"))
  assert.equal(pod.status?.phase, "Running")
  assert.match(pod.status?.podIP ?? "", /^10\.244\.1\.\d+$/)
  assert.equal(pod.status?.hostIP, node.address)
  const status = statusOf(pod)
  assert.ok(status?.state?.running?.startedAt)
  assert.equal(status.restartCount, 0)
  assert.match(status.containerID ?? "", /^containerd:\/\/[0-9a-f]{64}$/)
  assert.deepEqual(
    pod.status?.conditions?.map(({ type, status }) => `${type}=${status}`),
    ["PodReadyToStartContainers=True", "Initialized=True", "Ready=True", "ContainersReady=True", "PodScheduled=True"],
  )
  await node.remove("plain")
  await node.untilEvent("plain", /^Normal Killing/)
  assert.deepEqual(
    (await node.events("plain")).map((text) => text.replace(/\d+(\.\d+)?m?s/g, "T")),
    [
      'Normal Pulled spec.containers{main} Container image "busybox" already present on machine and can be accessed by the pod',
      "Normal Created spec.containers{main} Container created",
      "Normal Started spec.containers{main} Container started",
      "Normal Killing spec.containers{main} Stopping container main",
    ],
  )
})
