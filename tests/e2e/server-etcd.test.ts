import assert from "node:assert/strict"
import { test } from "node:test"
import { systemClock, waitFor } from "@ladya/util"
import { etcdMissing, startEtcd } from "../../packages/store/src/testing/etcd.ts"
import { patienceMs } from "./support/cluster.ts"
import { Servers } from "./support/servers.ts"

/** Two control planes as processes of their own, on one etcd. */
test("two servers on one etcd; kill -9 of one loses nothing acknowledged", { skip: etcdMissing() }, async (t) => {
  const etcd = await startEtcd()
  t.after(() => etcd.stop())
  const servers = new Servers(`etcd://${etcd.endpoints.join(",")}`)
  t.after(() => servers.stop())
  const first = await servers.start()
  const second = await servers.start()

  const created = await first.kubectl("create", "configmap", "one", "--from-literal=x=1")
  assert.equal(created.stdout, "configmap/one created\n", created.stderr)
  const shown = await second.kubectl("get", "configmap", "one", "-o", "jsonpath={.data.x}")
  assert.equal(shown.stdout, "1", shown.stderr)

  const acknowledged: string[] = []
  const writers = Array.from({ length: 3 }, async (_, writer) => {
    for (let i = 0; first.isAlive(); i++) {
      const { code } = await first.kubectl("create", "configmap", `w${writer}-${i}`)
      if (code === 0) acknowledged.push(`w${writer}-${i}`)
    }
  })
  await waitFor(systemClock, () => acknowledged.length >= 6, { description: "writes", timeoutMs: patienceMs })
  await first.end("SIGKILL")
  await Promise.all(writers)
  const rest = await second.kubectl("get", "configmaps", "-o", "jsonpath={.items[*].metadata.name}")
  const names = new Set(rest.stdout.split(" "))
  for (const name of ["one", ...acknowledged]) assert.ok(names.has(name), `${name} was acknowledged and is gone`)
  const more = await second.kubectl("create", "configmap", "two")
  assert.equal(more.code, 0, more.stderr)
})
