import assert from "node:assert/strict"
import { test } from "node:test"
import { refs } from "@ladya/api"
import { MemoryTransport, newClient } from "@ladya/client"
import { type Component, FakeClock, silentLogger } from "@ladya/util"
import { fenced, whileLeading } from "./while-leading.ts"

const never = new AbortController().signal

test("a component runs while its server leads, is made anew each time, and writes nothing afterwards", async () => {
  const clock = new FakeClock()
  const transport = new MemoryTransport(clock)
  const client = newClient(transport)
  const steps: string[] = []
  let made = 0
  const write = (over: AbortSignal): Promise<unknown> => {
    const metadata = { name: "written", namespace: "default" }
    const fencedClient = newClient(fenced(transport, over))
    return fencedClient.resource(refs.configmaps).create({ apiVersion: "v1", kind: "ConfigMap", metadata })
  }
  const server = whileLeading({
    ...{ name: "work", client, clock, log: silentLogger, random: () => 0 },
    create(over): Component {
      const number = ++made
      return {
        name: "work",
        start: async () => void steps.push(`start ${number}`),
        async stop() {
          await assert.rejects(write(over), /does not lead any more/)
          assert.deepEqual((await newClient(fenced(transport, over)).resource(refs.configmaps).list()).items, [])
          steps.push(`stop ${number}`)
        },
      }
    },
  })
  await server.start()
  await clock.advance(100)
  assert.deepEqual(steps, ["start 1"])
  const leases = client.resource(refs.leases)
  const lease = await leases.get("work", { namespace: "kube-system" })
  await leases.update({ ...lease, spec: { ...lease.spec, holderIdentity: "another", leaseDurationSeconds: 4 } })
  await clock.advance(3000)
  assert.deepEqual(steps, ["start 1", "stop 1"])
  await clock.advance(10_000)
  assert.deepEqual(steps, ["start 1", "stop 1", "start 2"])
  await server.stop(never)
  assert.deepEqual(steps, ["start 1", "stop 1", "start 2", "stop 2"])
})
