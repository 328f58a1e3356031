import assert from "node:assert/strict"
import { after, before, test } from "node:test"
import { type corev1, refs } from "@ladya/api"
import { busyboxPod, isTrue, type Pod, startTestNode, statusOf, type TestNode } from "../support/node.ts"

let node: TestNode

before(async () => {
  node = await startTestNode("resize")
})
after(() => node?.stop())

const resources = (cpu: string, memory: string): corev1.ResourceRequirements => ({
  requests: { cpu, memory },
  limits: { cpu, memory },
})

async function resize(name: string, wanted: corev1.ResourceRequirements): Promise<Pod> {
  const patch = { spec: { containers: [{ name: "main", resources: wanted }] } }
  return node.client
    .resource(refs.pods)
    .patch(name, "strategic", patch, { namespace: "default", subresource: "resize" })
}

const limits = async (name: string): Promise<string[]> =>
  (
    await node.exec(
      name,
      "main",
      "sh",
      "-c",
      "cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us /sys/fs/cgroup/cpu/cpu.shares /sys/fs/cgroup/memory/memory.limit_in_bytes",
    )
  )
    .trim()
    .split("\n")

const isDone = (pod: Pod, cpu: string): boolean =>
  statusOf(pod)?.resources?.limits?.["cpu"] === cpu &&
  pod.status?.observedGeneration === pod.metadata.generation &&
  !isTrue(pod, "PodResizeInProgress")

test("resources change while the container runs", async () => {
  await node.run(busyboxPod("live", { resources: resources("100m", "32Mi") }))
  const before = await node.until("live", "to run", (pod) => isTrue(pod, "Ready"))
  assert.deepEqual(await limits("live"), ["10000", "102", String(32 << 20)])
  await resize("live", resources("200m", "64Mi"))
  const grown = await node.until("live", "to have grown", (pod) => isDone(pod, "200m"))
  assert.deepEqual(await limits("live"), ["20000", "204", String(64 << 20)])
  assert.deepEqual(statusOf(grown)?.allocatedResources, { cpu: "200m", memory: "64Mi" })
  await resize("live", resources("50m", "16Mi"))
  const shrunk = await node.until("live", "to have shrunk", (pod) => isDone(pod, "50m"))
  assert.deepEqual(await limits("live"), ["5000", "51", String(16 << 20)])
  assert.equal(statusOf(shrunk)?.containerID, statusOf(before)?.containerID)
  assert.equal(statusOf(shrunk)?.restartCount, 0)

  await node.stopKubelet(0)
  await node.startKubelet()
  await node.until("live", "to be looked at again", (pod) => isDone(pod, "50m"))
  await resize("live", resources("4000", "16Mi"))
  const refused = await node.until("live", "to be refused", (pod) => isTrue(pod, "PodResizePending"))
  const condition = refused.status?.conditions?.find(({ type }) => type === "PodResizePending")
  assert.equal(condition?.reason, "Infeasible")
  assert.equal(statusOf(refused)?.resources?.limits?.["cpu"], "50m")
  await resize("live", resources("50m", "16Mi"))
  await node.until("live", "to be at peace", (pod) => !isTrue(pod, "PodResizePending"))
  assert.equal(statusOf(refused)?.restartCount, 0)
  await node.remove("live")
})

test("a container that asks for it is restarted", async () => {
  await node.run(
    busyboxPod("anew", {
      resources: resources("100m", "32Mi"),
      resizePolicy: [
        { resourceName: "cpu", restartPolicy: "NotRequired" },
        { resourceName: "memory", restartPolicy: "RestartContainer" },
      ],
    }),
  )
  await node.until("anew", "to run", (pod) => isTrue(pod, "Ready"))
  await resize("anew", resources("200m", "64Mi"))
  await node.until("anew", "to be restarted", (pod) => isDone(pod, "200m") && statusOf(pod)?.restartCount === 1)
  await node.until("anew", "to run", (pod) => isTrue(pod, "Ready"))
  assert.deepEqual(await limits("anew"), ["20000", "204", String(64 << 20)])
  await node.remove("anew")
})
