import assert from "node:assert/strict"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { after, before, test } from "node:test"
import { newCriClient } from "@ladya/cri"
import {
  type ClusterLink,
  clusterPaths,
  detectHost,
  endProcess,
  ensureBuiltinImages,
  ensureLink,
  ensureMachine,
  enterArguments,
  haltMachine,
  ImageStore,
  isAlive,
  type NodeDeps,
  type NodeState,
  newMirrorHosts,
  newRegistry,
  nodeAddress,
  pullImages,
  type Registry,
  removeLink,
  runOk,
  sandboxImage,
} from "@ladya/ladya"
import { silentLogger, systemClock, waitFor } from "@ladya/util"
import { networkNamespaces, traces } from "./support/traces.ts"

const facts = detectHost()
const name = "e2e-machines"
const nodes: NodeState[] = []
let home: string
let link: ClusterLink
let registry: Registry
let deps: NodeDeps

const socketOf = (node: NodeState): string => `${deps.paths.node(node.name).directory}/containerd/containerd.sock`
const busybox = "docker.io/library/busybox:latest"

before(async () => {
  home = await mkdtemp(join(tmpdir(), "ladya-e2e-machines-"))
  const paths = clusterPaths(name, home)
  link = await ensureLink(paths.directory, undefined)
  deps = { paths, link, facts, save: async () => undefined }
  const store = new ImageStore(paths.images)
  await ensureBuiltinImages(store, facts.architecture)
  registry = newRegistry({ store, host: link.gateway, port: 0, log: silentLogger })
  await registry.start()
  const mirror = `http://${link.gateway}:${registry.port()}`
  await newMirrorHosts({
    ...{ certsDirectory: paths.certs, mirror, publicRegistries: "off", log: silentLogger },
  }).start()
  const { mkdir } = await import("node:fs/promises")
  await mkdir(paths.logs, { recursive: true })
  for (const index of [1, 2]) {
    nodes.push({
      name: `m${index}`,
      address: nodeAddress(link, index),
      veth: `${link.bridge}n${index}`,
      processes: {},
    })
  }
  await Promise.all(nodes.map((node) => ensureMachine(deps, node)))
})

after(async () => {
  await registry?.stop(AbortSignal.abort())
  for (const node of nodes) await haltMachine(node.processes.machine)
  if (link) await removeLink(deps.paths.directory, link)
  await rm(home, { recursive: true, force: true })
})

const within = (node: NodeState, ...command: string[]): Promise<string> =>
  runOk("nsenter", [...enterArguments(node.processes.machine?.pid ?? 0), ...command])

test("a machine has processes, host name and address of its own, and reaches the others", async () => {
  const [one, two] = nodes as [NodeState, NodeState]
  assert.equal((await within(one, "hostname")).trim(), "m1")
  assert.match(await within(one, "ip", "-br", "addr", "show", "eth0"), new RegExp(one.address))
  assert.equal(
    (await within(one, "busybox", "ping", "-c", "1", "-W", "20", two.address)).includes("1 packets received"),
    true,
  )
  const seen = await within(one, "sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '")
  assert.ok(seen.includes("pause") && !seen.includes("m2"), seen)
})

test("images are pulled through the mirror; one that is nowhere is not found at once", async () => {
  const [one] = nodes as [NodeState]
  await pullImages(socketOf(one), [busybox, sandboxImage])
  await assert.rejects(pullImages(socketOf(one), ["docker.io/library/nosuch:latest"]), /not found/)
})

test("containers go on when containerd is killed, and are found again by the one that follows", async () => {
  const [node] = nodes as [NodeState]
  const cri = newCriClient({ socket: socketOf(node) })
  const sandboxConfig = {
    metadata: { name: "p", namespace: "default", uid: "u1", attempt: 0 },
    logDirectory: join(home, "logs"),
    linux: {
      cgroupParent: "/ladya-e2e-machines/m1/p",
      securityContext: {
        namespaceOptions: { network: "NODE" as const, pid: "CONTAINER" as const, ipc: "POD" as const },
      },
    },
  }
  try {
    const sandbox = await cri.runtime.runPodSandbox(sandboxConfig as never)
    const container = await cri.runtime.createContainer(
      sandbox,
      {
        metadata: { name: "c", attempt: 0 },
        image: { image: busybox },
        command: ["sleep", "1000"],
        logPath: "c.log",
      } as never,
      sandboxConfig as never,
    )
    await cri.runtime.startContainer(container)
    const said = await cri.runtime.execSync(container, ["hostname"])
    assert.equal(Buffer.from(said.stdout).toString().trim(), "m1")
    await endProcess(node.processes.containerd, 0)
    const machine = node.processes.machine
    await ensureMachine(deps, node)
    assert.deepEqual(node.processes.machine, machine, "the machine was not booted again")
    const status = await waitFor(systemClock, () => cri.runtime.containerStatus(container), {
      description: "the new containerd to answer",
      timeoutMs: 60_000,
    })
    assert.equal(status.state, "CONTAINER_RUNNING")
  } finally {
    cri.close()
  }
})

test("a machine that was turned off boots again; its disk is the same", async () => {
  const [, node] = nodes as [NodeState, NodeState]
  await pullImages(socketOf(node), [busybox])
  await haltMachine(node.processes.machine)
  assert.equal(isAlive(node.processes.containerd), false)
  await ensureMachine(deps, node)
  const cri = newCriClient({ socket: socketOf(node) })
  try {
    assert.ok(await cri.images.status(busybox))
  } finally {
    cri.close()
  }
})

test("nothing is left when machines and link are gone", async () => {
  const before = networkNamespaces()
  for (const node of nodes) {
    await haltMachine(node.processes.machine)
    node.processes = {}
  }
  await registry.stop(AbortSignal.abort())
  await removeLink(deps.paths.directory, link)
  const { removeCgroup } = await import("@ladya/ladya")
  assert.deepEqual(await removeCgroup(`/ladya-${name}`, facts), [])
  await waitFor(systemClock, () => traces({ name, directory: home, number: link.number }).length === 0, {
    description: "the last traces to go",
    timeoutMs: 60_000,
  }).catch(() => undefined)
  assert.deepEqual(traces({ name, directory: home, number: link.number }), [])
  assert.ok(networkNamespaces().size < before.size)
})
