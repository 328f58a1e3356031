import assert from "node:assert/strict"
import { after, before, describe, test } from "node:test"
import { type corev1, refs } from "@ladya/api"
import { formatMicroTime, isStatus } from "@ladya/apimachinery"
import { sleep, systemClock, waitFor } from "@ladya/util"
import { type EtcdCluster, etcdMissing, startEtcd } from "../../packages/store/src/testing/etcd.ts"
import { patienceMs } from "./support/cluster.ts"
import { type ServerProcess, Servers } from "./support/servers.ts"

const place = { namespace: "default" }
const manager = "kube-controller-manager"

/** Three control planes as processes of their own, on an etcd of three members. */
describe("three servers on three members of etcd", { skip: etcdMissing() }, () => {
  let etcd: EtcdCluster
  let servers: Servers
  const all: ServerProcess[] = []

  before(
    async () => {
      etcd = await startEtcd({ members: 3 })
      servers = new Servers(`etcd://${etcd.endpoints.join(",")}`)
      for (let i = 0; i < 3; i++) all.push(await servers.start())
    },
    { timeout: 600_000 },
  )
  after(async () => {
    await servers?.stop()
    await etcd?.stop()
  })

  const alive = (): ServerProcess[] => all.filter((server) => server.isAlive())
  const someone = (): ServerProcess => {
    const [server] = alive()
    if (!server) throw new Error("no server is left")
    return server
  }
  /** What a server logged when it began to lead. */
  const terms = (server: ServerProcess, lease: string): string[] =>
    server
      .log()
      .split("\n")
      .filter((line) => line.includes('"msg":"leading"') && line.includes(`"lease":"${lease}"`))
  /** Who leads, when it is one of those that live. */
  const leaderOf = async (lease: string): Promise<ServerProcess | undefined> => {
    const { spec } = await someone().client.resource(refs.leases).get(lease, { namespace: "kube-system" })
    const holder = spec?.holderIdentity
    return alive().find((server) => holder && terms(server, lease).some((line) => line.includes(holder)))
  }
  const untilLed = async (lease: string, by: (server: ServerProcess) => boolean = () => true): Promise<ServerProcess> =>
    await waitFor(
      systemClock,
      async () => {
        const leader = await leaderOf(lease)
        return leader && by(leader) ? leader : undefined
      },
      { description: `a leader of ${lease}`, timeoutMs: patienceMs, intervalMs: 200 },
    )

  /** Controllers and the scheduler are at work: a Deployment gets its pods, and they are told that there is no node. */
  const untilAtWork = async (name: string): Promise<void> => {
    const labels = { app: name }
    const { client } = someone()
    await client.resource(refs.deployments).create({
      ...{ apiVersion: "apps/v1", kind: "Deployment", metadata: { name, ...place } },
      spec: {
        replicas: 2,
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers: [{ name: "main", image: "busybox" }] } },
      },
    })
    const pods = async (): Promise<corev1.Pod[]> =>
      (await client.resource(refs.pods).list({ ...place, labelSelector: `app=${name}` })).items
    const isUnschedulable = ({ status }: corev1.Pod): boolean =>
      status?.conditions?.some(({ type, reason }) => type === "PodScheduled" && reason === "Unschedulable") ?? false
    await waitFor(systemClock, async () => (await pods()).filter(isUnschedulable).length === 2, {
      description: "two pods that the scheduler has seen",
      timeoutMs: patienceMs,
    })
    assert.equal((await pods()).length, 2)
  }

  test("one of them runs the controllers, one the scheduler", async () => {
    await untilLed(manager)
    await untilLed("kube-scheduler")
    await untilAtWork("begin")
    const leading = all.flatMap((server) => terms(server, manager))
    assert.equal(leading.length, 1, leading.join("\n"))
  })

  test("Services made at all of them at once have addresses and node ports of their own", async () => {
    const made = await Promise.all(
      all.flatMap(({ client }, server) =>
        Array.from({ length: 60 }, (_, i) => {
          const metadata = { name: `s${server}-${i}`, ...place }
          const spec = { type: "NodePort", ports: [{ port: 80 }] }
          return client.resource(refs.services).create({ apiVersion: "v1", kind: "Service", metadata, spec })
        }),
      ),
    )
    assert.equal(new Set(made.map(({ spec }) => spec?.clusterIP)).size, made.length)
    assert.equal(new Set(made.map(({ spec }) => spec?.ports?.[0]?.nodePort)).size, made.length)
  })

  test("whoever loses the lease stops, and takes part again", async () => {
    const leader = await untilLed(manager)
    const leases = leader.client.resource(refs.leases)
    for (;;) {
      const lease = await leases.get(manager, { namespace: "kube-system" })
      const now = formatMicroTime(systemClock.now())
      const spec = { ...lease.spec, holderIdentity: "usurper", leaseDurationSeconds: 3, renewTime: now }
      try {
        await leases.update({ ...lease, spec })
        break
      } catch (error) {
        // It was renewed in between.
        if (!isStatus(error, "Conflict")) throw error
      }
    }
    await waitFor(systemClock, () => leader.log().includes("no longer leading"), {
      description: "the leader to see it",
      timeoutMs: patienceMs,
    })
    await untilLed(manager)
    await untilAtWork("regained")
  })

  test("kill -9 of the leader and of a member of etcd loses nothing acknowledged, and another leads", async () => {
    const victim = await untilLed(manager)
    const acknowledged = new Set<string>()
    let isOver = false
    const writers = Array.from({ length: 6 }, async (_, writer) => {
      for (let i = 0; !isOver; i++) {
        const metadata = { name: `w${writer}-${i}`, ...place }
        const servers = alive()
        const server = servers[(writer + i) % servers.length]
        try {
          await server?.client.resource(refs.configmaps).create({ apiVersion: "v1", kind: "ConfigMap", metadata })
          acknowledged.add(metadata.name)
        } catch {
          // Nobody said that it is there.
          await sleep(systemClock, 50)
        }
      }
    })
    try {
      const wait = (count: number): Promise<unknown> =>
        waitFor(systemClock, () => acknowledged.size >= count, { description: "writes", timeoutMs: patienceMs })
      await wait(60)
      await Promise.all([victim.end("SIGKILL"), etcd.kill(0)])
      await wait(acknowledged.size + 120)
    } finally {
      isOver = true
      await Promise.all(writers)
    }
    for (const { client } of alive()) {
      const { items } = await client.resource(refs.configmaps).list(place)
      const stored = new Set(items.map(({ metadata }) => metadata.name))
      assert.deepEqual(
        [...acknowledged].filter((name) => !stored.has(name)),
        [],
      )
    }
    await untilLed(manager, (server) => server !== victim)
    await untilLed("kube-scheduler", (server) => server !== victim)
    await untilAtWork("after")
  })
})
