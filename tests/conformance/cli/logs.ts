import assert from "node:assert/strict"
import { refs } from "@ladya/api"
import { untilPod } from "../support/pods.ts"
import { conformance } from "../support/registry.ts"
import { newKubectl } from "./kubectl.ts"

const name = "logs-generator"

conformance("[sig-cli] Kubectl logs logs should be able to retrieve and filter logs [Conformance]", async (t) => {
  const namespace = await t.namespace()
  const kubectl = newKubectl(t, namespace)
  await kubectl(
    `run ${name} --image=${await t.image()} --image-pull-policy=IfNotPresent --restart=Never --pod-running-timeout=2m0s -- logs-generator --log-lines-total=100 --run-duration=5s`,
  )
  const logs = (options = ""): Promise<string> => kubectl(`logs ${name} ${name} ${options}`)
  await untilPod(t, await t.client.resource(refs.pods).get(name, { namespace }), "started", ({ status }) =>
    ["Running", "Succeeded"].includes(status?.phase ?? ""),
  )
  await t.until("a line", async () => /\/api\/v1\/namespaces/.test(await logs()))

  const last = await logs("--tail=1")
  assert.equal(last.trimEnd().split("\n").length, 1)
  assert.match(last, /\/api\/v1\/namespaces/)
  assert.equal((await logs("--limit-bytes=1")).length, 1)
  const stamped = await logs("--tail=1 --timestamps")
  assert.match(stamped, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d) \S/)
  // A second after the last line, what is of the last second is less than all.
  await untilPod(t, await t.client.resource(refs.pods).get(name, { namespace }), "ended", ({ status }) => {
    return status?.phase === "Succeeded"
  })
  const count = (text: string): number => text.split("\n").filter(Boolean).length
  assert.ok(count(await logs("--since=1s")) < 100)
  assert.equal(count(await logs("--since=24h")), 100)
})
