import assert from "node:assert/strict"
import { mkdtemp, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type TestContext, test } from "node:test"
import { type corev1, refs } from "@ladya/api"
import { formatMicroTime } from "@ladya/apimachinery"
import { MemoryTransport, newClient, newInformer } from "@ladya/client"
import { FakeClock, settle, silentLogger, systemClock, waitFor } from "@ladya/util"
import { defaultReserved } from "./capacity.ts"
import { newNode } from "./node.ts"

async function prepare(context: TestContext) {
  const directory = await mkdtemp(join(tmpdir(), "ladya-node-"))
  context.after(() => rm(directory, { recursive: true, force: true }))
  const clock = new FakeClock()
  const transport = new MemoryTransport(clock)
  const client = newClient(transport)
  const nodes = newInformer({ client, ref: refs.nodes, clock, log: silentLogger })
  await nodes.start()
  const events: string[] = []
  const runtime = { networkReady: false, down: false }
  const pressure = { memory: false, disk: false, pid: false }
  const node = newNode({
    client,
    nodes,
    cri: {
      runtime: {
        version: async () => ({
          version: "0.1.0",
          runtimeName: "containerd",
          runtimeVersion: "1.6.20",
          runtimeApiVersion: "v1",
        }),
        status: async () => {
          if (runtime.down) throw new Error("connection refused")
          return {
            conditions: [
              { type: "RuntimeReady", status: true, reason: "", message: "" },
              {
                type: "NetworkReady",
                status: runtime.networkReady,
                reason: "NetworkPluginNotReady",
                message: "cni plugin not initialized",
              },
            ],
            info: {},
            handlers: [],
          }
        },
      },
      images: { list: async () => [] },
    },
    clock,
    log: silentLogger,
    config: {
      nodeName: "n1",
      hostname: "n1",
      internalIps: ["172.30.0.11"],
      labels: { disk: "ssd" },
      taints: [],
      kubeletPort: 10250,
      maxPods: 110,
      reserved: defaultReserved,
      dataDirectory: directory,
      cniDirectory: join(directory, "cni.d"),
      cni: { bridge: "cni0", mtu: 1450, ipamDirectory: "/run/cni-ipam" },
    },
    pressure: () => pressure,
    event: (_type, reason) => events.push(reason),
  })
  context.after(async () => {
    await node.stop(AbortSignal.timeout(1000))
    await nodes.stop(AbortSignal.timeout(1000))
  })
  const get = (): Promise<corev1.Node> => client.resource(refs.nodes).get("n1")
  const ready = async (): Promise<corev1.NodeCondition | undefined> =>
    (await get()).status?.conditions?.find(({ type }) => type === "Ready")
  /** File reads take real time, the rest runs on the fake clock. */
  const eventually = (description: string, condition: () => Promise<boolean>): Promise<boolean> =>
    waitFor(
      systemClock,
      async () => {
        await clock.advance(100)
        return condition()
      },
      { description, timeoutMs: 60_000, intervalMs: 2 },
    )
  const assign = () =>
    client
      .resource(refs.nodes)
      .patch("n1", "merge", { spec: { podCIDR: "10.244.1.0/24", podCIDRs: ["10.244.1.0/24"] } })
  return { directory, clock, transport, client, node, runtime, pressure, events, get, ready, eventually, assign }
}

test("a node is registered with its labels, addresses and capacity, not ready yet", async (context) => {
  const { node, get, ready } = await prepare(context)
  await node.start()
  const registered = await get()
  assert.equal(registered.metadata.labels?.["kubernetes.io/hostname"], "n1")
  assert.equal(registered.metadata.labels?.["kubernetes.io/os"], "linux")
  assert.equal(registered.metadata.labels?.["disk"], "ssd")
  assert.deepEqual(registered.status?.addresses, [
    { type: "InternalIP", address: "172.30.0.11" },
    { type: "Hostname", address: "n1" },
  ])
  assert.equal(registered.status?.capacity?.["pods"], "110")
  assert.match(registered.status?.capacity?.["memory"] ?? "", /^\d+Ki$/)
  assert.equal(registered.status?.nodeInfo?.containerRuntimeVersion, "containerd://1.6.20")
  assert.match(registered.status?.nodeInfo?.kubeletVersion ?? "", /^v1\.36\./)
  const condition = await ready()
  assert.equal(condition?.reason, "KubeletNotReady")
  assert.equal(
    condition?.message,
    "[container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:cni plugin not initialized, node has no pod CIDR assigned]",
  )
})

test("with a pod range the network is configured, and with the network the node is ready", async (context) => {
  const { directory, node, runtime, ready, eventually, assign, events } = await prepare(context)
  await node.start()
  await assign()
  const file = join(directory, "cni.d/10-ladya.conflist")
  await eventually("the CNI configuration", async () => (await readFile(file, "utf8").catch(() => "")) !== "")
  const { plugins } = JSON.parse(await readFile(file, "utf8")) as { plugins: { ipam?: { ranges: unknown } }[] }
  assert.deepEqual(plugins[0]?.ipam?.ranges, [[{ subnet: "10.244.1.0/24" }]])
  runtime.networkReady = true
  await eventually("Ready", async () => (await ready())?.status === "True")
  await node.ready()
  assert.deepEqual((await ready())?.message, "kubelet is posting ready status")
  assert.ok(events.includes("NodeReady"))
})

test("a status without change is sent every five minutes only; the lease is renewed every ten seconds", async (context) => {
  const { clock, client, transport, node, runtime, eventually, assign } = await prepare(context)
  runtime.networkReady = true
  await node.start()
  await assign()
  await node.ready()
  const leases = client.resource(refs.leases)
  const lease = () => leases.get("n1", { namespace: "kube-node-lease" })
  await eventually("the lease", async () => (await lease()).spec?.holderIdentity === "n1")
  const patches = (): number => transport.writes.filter((write) => write === "patch nodes/status n1").length
  const before = patches()
  for (let i = 0; i < 29; i++) await clock.advance(10_000)
  assert.equal(patches(), before)
  const renewed = (await lease()).spec?.renewTime ?? ""
  assert.ok(renewed >= formatMicroTime(clock.now() - 11_000), renewed)
  assert.equal((await lease()).metadata.ownerReferences?.[0]?.kind, "Node")
  await clock.advance(20_000)
  await eventually("a report", async () => patches() > before)
})

test("a runtime that is gone and pressure are told, and when they began", async (context) => {
  const { clock, node, runtime, pressure, get, ready, eventually, assign, events } = await prepare(context)
  runtime.networkReady = true
  await node.start()
  await assign()
  await node.ready()
  runtime.down = true
  pressure.disk = true
  node.trigger()
  await eventually("NotReady", async () => (await ready())?.status === "False")
  assert.equal((await ready())?.message, "container runtime is down: connection refused")
  const disk = (await get()).status?.conditions?.find(({ type }) => type === "DiskPressure")
  assert.deepEqual(
    [disk?.status, disk?.reason, disk?.message],
    ["True", "KubeletHasDiskPressure", "kubelet has disk pressure"],
  )
  assert.ok(events.includes("NodeNotReady") && events.includes("NodeHasDiskPressure"))
  const since = (await ready())?.lastTransitionTime
  await clock.advance(60_000)
  await settle()
  assert.equal((await ready())?.lastTransitionTime, since)
})

test("a node that is registered already is taken over: what a person set on it stays", async (context) => {
  const { client, node, get } = await prepare(context)
  const existing: corev1.Node = {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name: "n1", labels: { mine: "yes" } },
    spec: { unschedulable: true },
  }
  await client.resource(refs.nodes).create(existing)
  await node.start()
  const taken = await get()
  assert.equal(taken.metadata.labels?.["mine"], "yes")
  assert.equal(taken.metadata.labels?.["kubernetes.io/arch"] !== undefined, true)
  assert.equal(taken.spec?.unschedulable, true)
})

test("registration is tried until the API server answers", async (context) => {
  const { clock, transport, node, get } = await prepare(context)
  let refused = 0
  transport.intercept = (call) => {
    if (call.verb === "create" && call.target.resource === "nodes" && refused++ < 3)
      throw new Error("connection refused")
  }
  let started = false
  const start = node.start().then(() => {
    started = true
  })
  await waitFor(systemClock, async () => clock.advance(1000).then(() => started), {
    description: "registration",
    timeoutMs: 60_000,
    intervalMs: 2,
  })
  await start
  assert.equal(refused, 4)
  assert.equal((await get()).metadata.name, "n1")
})
