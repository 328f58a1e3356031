import assert from "node:assert/strict"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { after, before, test } from "node:test"
import { refs } from "@ladya/api"
import { systemClock, waitFor } from "@ladya/util"
import { isTrue, startTestNode, statusOf, type TestNode } from "../support/node.ts"

let node: TestNode
let directory: string

before(async () => {
  directory = await mkdtemp(join(tmpdir(), "ladya-e2e-manifests-"))
  node = await startTestNode("static", { manifestDirectory: directory })
})
after(async () => {
  await node?.stop()
  await rm(directory, { recursive: true, force: true })
})

const manifest = (seconds: number): string => `
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {tier: node}}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - {name: main, image: busybox, imagePullPolicy: IfNotPresent, command: [sleep, "${seconds}"]}
`

test("a pod in a file runs, is shown in the API, outlives its object there, and goes with its file", async () => {
  const file = join(directory, "web.yaml")
  await writeFile(file, manifest(1000))
  const shown = await node.until("web-n1", "to be shown as ready", (pod) => isTrue(pod, "Ready"))
  assert.equal(shown.metadata.labels?.["tier"], "node")
  assert.equal(shown.metadata.ownerReferences?.[0]?.kind, "Node")
  const id = statusOf(shown)?.containerID

  await node.client.resource(refs.pods).delete("web-n1", { namespace: "default", gracePeriodSeconds: 0 })
  const again = await node.until(
    "web-n1",
    "to be shown again",
    (pod) => pod.metadata.uid !== shown.metadata.uid && isTrue(pod, "Ready"),
  )
  assert.equal(statusOf(again)?.containerID, id, "the pod itself went on")

  await node.stopKubelet(0)
  await node.startKubelet()
  await writeFile(file, manifest(2000))
  await node.until("web-n1", "to be replaced", (pod) => isTrue(pod, "Ready") && statusOf(pod)?.containerID !== id)
  assert.match(await node.exec("web-n1", "main", "ps"), /sleep 2000/)

  await rm(file)
  await waitFor(systemClock, async () => !(await node.get("web-n1")), { description: "it to go", timeoutMs: 60_000 })
  await waitFor(systemClock, async () => (await node.cri.runtime.listPodSandboxes()).length === 0, {
    description: "its sandbox to go",
    timeoutMs: 60_000,
  })
})
