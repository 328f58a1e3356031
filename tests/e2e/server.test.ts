import assert from "node:assert/strict"
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { after, before, test } from "node:test"
import { systemClock, waitFor } from "@ladya/util"
import { runProgram } from "./support/cluster.ts"

/** Server and agent as a service manager starts them, on a machine whose network is a namespace of the test's own. */
const root = join(import.meta.dirname, "../..")
const directory = mkdtempSync(join(tmpdir(), "ladya-e2e-server-"))
const data = join(directory, "data")
const cgroup = "/ladya"
let network: ChildProcess
let server: ChildProcess | undefined

const inNetwork = (...command: string[]) => ["-t", String(network.pid), "-n", "--", ...command]

const kubectl = (...args: string[]) =>
  runProgram("nsenter", inNetwork("kubectl", ...args), {
    env: { KUBECONFIG: join(data, "admin.kubeconfig") },
    timeoutMs: 180_000,
  })

async function startServer(...args: string[]): Promise<void> {
  const command = inNetwork(join(root, "ladya"), "server", "--data-dir", data, "--public-registries", "off", ...args)
  server = spawn("nsenter", command, { stdio: ["ignore", "ignore", "pipe"] })
  server.stderr?.resume()
  await waitFor(systemClock, async () => (await kubectl("get", "--raw", "/readyz")).stdout === "ok", {
    description: "the server to be ready",
    timeoutMs: 180_000,
    intervalMs: 100,
  })
}

async function stopServer(): Promise<number | null> {
  const stopping = server
  server = undefined
  if (!stopping || stopping.exitCode !== null) return stopping?.exitCode ?? null
  const closed = once(stopping, "close")
  stopping.kill("SIGTERM")
  const [code] = (await closed) as [number | null]
  return code
}

const phaseOf = async (pod: string): Promise<string> =>
  (await kubectl("get", "pod", pod, "-o", "jsonpath={.status.phase}")).stdout

before(async () => {
  const setUp = [
    "ip link set lo up",
    "ip link add e0 type veth peer name e1",
    "ip addr add 192.0.2.10/24 dev e0",
    "ip link set e0 up",
    "ip link set e1 up",
    "ip route add default via 192.0.2.1",
    "echo ready",
    "exec sleep 100000",
  ].join(" && ")
  network = spawn("unshare", ["-n", "sh", "-c", setUp], { stdio: ["ignore", "pipe", "inherit"] })
  await once(network.stdout as NodeJS.ReadableStream, "data")
})

after(async () => {
  await stopServer()
  await runProgram("nsenter", inNetwork(join(root, "ladya"), "agent", "--end", "--data-dir", join(data, "node")))
  network.kill("SIGKILL")
  rmSync(directory, { recursive: true, force: true })
})

test("a control plane alone keeps its objects over a restart", async () => {
  await startServer("--no-node")
  assert.equal((await kubectl("create", "configmap", "kept", "--from-literal=a=b")).code, 0)
  assert.equal((await kubectl("get", "nodes", "-o", "name")).stdout, "")
  assert.equal(await stopServer(), 0)
  await startServer("--no-node")
  assert.equal((await kubectl("get", "configmap", "kept", "-o", "jsonpath={.data.a}")).stdout, "b")
  assert.equal(await stopServer(), 0)
})

test("with a node of its own it runs pods, which outlive server and agent", async () => {
  await startServer()
  const started = await kubectl("run", "p", "--image=busybox", "--restart=Never", "--", "sleep", "100000")
  assert.equal(started.code, 0, started.stderr)
  const ready = await kubectl("wait", "--for=condition=Ready", "pod/p", "--timeout=180s")
  assert.equal(ready.code, 0, ready.stderr)
  const container = "jsonpath={.status.containerStatuses[0].containerID}"
  const before = (await kubectl("get", "pod", "p", "-o", container)).stdout
  assert.equal(await stopServer(), 0)
  await startServer()
  await waitFor(systemClock, async () => (await kubectl("exec", "p", "--", "echo", "alive")).stdout === "alive\n", {
    description: "the agent to be back",
    timeoutMs: 180_000,
    intervalMs: 200,
  })
  assert.equal((await kubectl("get", "pod", "p", "-o", container)).stdout, before)
  assert.equal(await phaseOf("p"), "Running")
})

test("ending the node leaves nothing of it running", async () => {
  assert.equal(await stopServer(), 0)
  const ended = await runProgram(
    "nsenter",
    inNetwork(join(root, "ladya"), "agent", "--end", "--data-dir", join(data, "node")),
  )
  assert.equal(ended.code, 0, ended.stderr)
  const processes = await runProgram("ps", ["-eo", "args"])
  assert.equal(processes.stdout.includes(data), false)
  const links = await runProgram("nsenter", inNetwork("ip", "-o", "link"))
  assert.doesNotMatch(links.stdout, /cni0|vxlan/)
  const tables = await runProgram("nsenter", inNetwork("nft", "list", "tables"))
  assert.doesNotMatch(tables.stdout, /ladya/)
  assert.equal(existsSync(`/sys/fs/cgroup/memory${cgroup}`) || existsSync(`/sys/fs/cgroup${cgroup}`), false)
  assert.doesNotMatch(readFileSync("/proc/self/mounts", "utf8"), new RegExp(data))
})

test("a store in memory keeps nothing", async () => {
  const other = join(directory, "memory")
  const command = inNetwork(join(root, "ladya"), "server", "--no-node", "--store", "memory", "--data-dir", other)
  const child = spawn("nsenter", command, { stdio: "ignore" })
  await waitFor(systemClock, () => existsSync(join(other, "admin.kubeconfig")), {
    description: "the server to listen",
    timeoutMs: 180_000,
  })
  assert.equal(existsSync(join(other, "store")), false)
  const closed = once(child, "close")
  child.kill("SIGTERM")
  await closed
})

test("a port that is taken is named", async () => {
  await startServer("--no-node")
  const second = await runProgram(
    "nsenter",
    inNetwork(join(root, "ladya"), "server", "--no-node", "--data-dir", join(directory, "second")),
    { timeoutMs: 180_000 },
  )
  assert.equal(second.code, 1)
  assert.match(second.stderr, /127\.0\.0\.1:6443.*(?:in use|taken)|EADDRINUSE/)
  assert.equal(await stopServer(), 0)
})
