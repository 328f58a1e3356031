import assert from "node:assert/strict"
import { after, before, test } from "node:test"
import { busyboxPod, startTestNode, type TestNode } from "../support/node.ts"

let node: TestNode

before(async () => {
  node = await startTestNode("eviction")
})
after(() => node?.stop())

const writing = (path: string): { command: string[] } => ({
  command: ["sh", "-c", `dd if=/dev/zero of=${path} bs=1M count=4; sleep 100000`],
})

test("a pod that keeps more on disk than it may is evicted, and its status says why", async () => {
  await node.run(
    busyboxPod(
      "volume",
      { ...writing("/scratch/f"), volumeMounts: [{ name: "scratch", mountPath: "/scratch" }] },
      { volumes: [{ name: "scratch", emptyDir: { sizeLimit: "1Mi" } }] },
    ),
  )
  const limits = { "ephemeral-storage": "1Mi" }
  await node.run(busyboxPod("layer", { ...writing("/f"), resources: { limits, requests: limits } }))
  const volume = await node.until("volume", "to be evicted", ({ status }) => status?.phase === "Failed")
  assert.deepEqual(
    [volume.status?.reason, volume.status?.message],
    ["Evicted", 'Usage of EmptyDir volume "scratch" exceeds the limit "1Mi". '],
  )
  const layer = await node.until("layer", "to be evicted", ({ status }) => status?.phase === "Failed")
  assert.deepEqual(
    [layer.status?.reason, layer.status?.message],
    ["Evicted", "Pod ephemeral local storage usage exceeds the total limit of containers 1Mi. "],
  )
  await node.untilEvent("volume", /^Warning Evicted/)
})
