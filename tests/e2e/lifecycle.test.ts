import assert from "node:assert/strict"
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { after, before, test } from "node:test"
import { systemClock, waitFor } from "@ladya/util"
import { Cluster, runProgram } from "./support/cluster.ts"
import { traces } from "./support/traces.ts"

interface State {
  number: number
  nodes: { name: string }[]
}

/** Two clusters at once, each with a directory and a kubeconfig of its own. */
const one = new Cluster("life-one")
const two = new Cluster("life-two")

const homeOf = (cluster: Cluster): string => join(cluster.directory, "home")
const environment = (cluster: Cluster) => ({ LADYA_HOME: homeOf(cluster) })
const kubeconfigOf = (cluster: Cluster): string => join(cluster.directory, "config")

async function ladya(cluster: Cluster, command: string, ...args: string[]) {
  const words = [command, "--name", cluster.name, ...args]
  return await cluster.ladya(words, { env: environment(cluster) })
}

async function succeed(cluster: Cluster, command: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await ladya(cluster, command, ...args)
  assert.equal(code, 0, `ladya ${command} ${args.join(" ")}:\n${stdout}\n${stderr}`)
  return stdout
}

const stateOf = (cluster: Cluster): State =>
  JSON.parse(readFileSync(join(homeOf(cluster), cluster.name, "cluster.json"), "utf8")) as State

async function kubectl(cluster: Cluster, ...args: string[]) {
  return await runProgram("kubectl", args, { env: { KUBECONFIG: kubeconfigOf(cluster) }, timeoutMs: 180_000 })
}

interface Status {
  processes: { name: string; pid: number }[]
  nodes: { name: string; ready: boolean; podCIDR: string; address: string }[]
  version: string | null
}

const statusOf = async (cluster: Cluster): Promise<Status> =>
  JSON.parse(await succeed(cluster, "status", "-o", "json")) as Status

const foreign = `apiVersion: v1
kind: Config
clusters:
- name: work
  cluster: {server: "https://work.example"}
contexts:
- name: work
  context: {cluster: work, user: me}
users:
- name: me
  user: {token: t}
current-context: work
`

before(async () => {
  writeFileSync(kubeconfigOf(one), foreign, { mode: 0o644 })
  await succeed(one, "up", "--nodes", "2")
})

after(async () => {
  for (const cluster of [one, two]) {
    await ladya(cluster, "down", "--purge")
    const { rmSync } = await import("node:fs")
    rmSync(cluster.directory, { recursive: true, force: true })
  }
})

test("status tells of API server, nodes and processes", async () => {
  const status = await statusOf(one)
  assert.match(status.version ?? "", /^v1\.36/)
  assert.deepEqual(
    status.nodes.map(({ name, ready }) => [name, ready]),
    [
      ["life-one-1", true],
      ["life-one-2", true],
    ],
  )
  assert.equal(new Set(status.nodes.map(({ podCIDR }) => podCIDR)).size, 2)
  const names = status.processes.map(({ name }) => name)
  for (const name of ["server", "life-one-1/agent", "life-one-1/containerd", "life-one-2/init"]) {
    assert.ok(names.includes(name), `${name} is missing in ${names.join(", ")}`)
  }
})

test("the cluster's context is merged into the kubeconfig, for its owner's eyes only; others stay", async () => {
  const text = readFileSync(kubeconfigOf(one), "utf8")
  assert.match(text, /current-context: ladya-life-one/)
  assert.match(text, /work\.example/)
  assert.equal(statSync(kubeconfigOf(one)).mode & 0o777, 0o600)
  const nodes = await kubectl(one, "get", "nodes", "-o", "name")
  assert.equal(nodes.stdout.trim(), "node/life-one-1\nnode/life-one-2", nodes.stderr)
  const printed = await succeed(one, "kubeconfig")
  assert.doesNotMatch(printed, /work\.example/)
  assert.match(printed, /client-key-data/)
})

test("keys and kubeconfigs are their owner's alone", () => {
  const directory = join(homeOf(one), "life-one")
  for (const path of ["server/pki/ca.key", "server/pki/sa.key", "server/admin.kubeconfig", "cluster.json"]) {
    assert.equal(statSync(join(directory, path)).mode & 0o777, 0o600, path)
  }
  assert.equal(statSync(join(directory, "nodes/life-one-1/kubeconfig")).mode & 0o777, 0o600)
  assert.equal(statSync(directory).mode & 0o777, 0o700)
})

test("a second cluster comes up beside the first, on another network and port", async () => {
  await succeed(two, "up")
  assert.notEqual(stateOf(two).number, stateOf(one).number)
  const status = await statusOf(two)
  assert.equal(status.nodes.length, 1)
  const pod = ["run", "p", "--image=busybox", "--restart=Never", "--", "true"]
  assert.equal((await kubectl(two, ...pod)).code, 0)
  const done = "--for=jsonpath={.status.phase}=Succeeded"
  const waited = await kubectl(two, "wait", done, "pod/p", "--timeout=180s")
  assert.equal(waited.code, 0, waited.stderr)
  assert.equal((await kubectl(one, "get", "pods", "-o", "name")).stdout, "")
})

test("up again changes nothing; with more nodes it adds them; fewer are refused", async () => {
  const before = (await statusOf(two)).processes
  await succeed(two, "up")
  assert.deepEqual(
    (await statusOf(two)).processes.map(({ pid }) => pid),
    before.map(({ pid }) => pid),
  )
  await succeed(two, "up", "--nodes", "2")
  assert.deepEqual(
    (await statusOf(two)).nodes.map(({ ready }) => ready),
    [true, true],
  )
  const fewer = await ladya(two, "up", "--nodes", "1")
  assert.equal(fewer.code, 2)
  assert.match(fewer.stderr, /has 2 nodes already/)
})

test("a machine that died boots again, and its pods with it", async () => {
  const created = await kubectl(
    two,
    "create",
    "deployment",
    "web",
    "--image=busybox",
    "--replicas=2",
    "--",
    "sleep",
    "9999",
  )
  assert.equal(created.code, 0, created.stderr)
  const rollout = ["rollout", "status", "deployment/web", "--timeout=180s"]
  assert.equal((await kubectl(two, ...rollout)).code, 0)
  const init = (await statusOf(two)).processes.find(({ name }) => name === "life-two-1/init")
  process.kill(init?.pid ?? 0, "SIGKILL")
  await succeed(two, "up")
  await waitFor(
    systemClock,
    async () => {
      const pods = await kubectl(
        two,
        "get",
        "pods",
        "-l",
        "app=web",
        "-o",
        "jsonpath={.items[*].status.phase} {.items[*].status.containerStatuses[*].ready}",
      )
      return pods.stdout === "Running Running true true"
    },
    { description: "the pods of the machine that died to run again", timeoutMs: 180_000, intervalMs: 250 },
  )
})

test("after a reboot of this machine up brings nodes, objects and pods back", async () => {
  const { number } = stateOf(two)
  for (const { name, pid } of (await statusOf(two)).processes) {
    if (name === "server" || name.endsWith("/init")) process.kill(pid, "SIGKILL")
  }
  // What a reboot takes: processes, links, rules; and pids then mean nothing.
  await runProgram("ip", ["link", "delete", `ladya${number}`])
  await runProgram("nft", ["delete", "table", "ip", `ladya${number}`])
  const file = join(homeOf(two), two.name, "cluster.json")
  writeFileSync(file, readFileSync(file, "utf8").replaceAll(/"bootId": "[^"]*"/g, '"bootId": "another"'))
  await succeed(two, "up")
  await waitFor(
    systemClock,
    async () => {
      const states =
        "jsonpath={.items[*].status.containerStatuses[*].restartCount} {.items[*].status.containerStatuses[*].ready}"
      return /^[1-9]\d* [1-9]\d* true true$/.test(
        (await kubectl(two, "get", "pods", "-l", "app=web", "-o", states)).stdout,
      )
    },
    { description: "the pods to run again", timeoutMs: 180_000, intervalMs: 250 },
  )
})

test("down keeps the data and nothing else; up brings the objects back", async () => {
  const { number } = stateOf(two)
  await succeed(two, "down")
  assert.deepEqual(traces({ name: two.name, directory: homeOf(two), number }), [])
  assert.equal(existsSync(kubeconfigOf(two)), false, "a kubeconfig that held nothing else is gone")
  await succeed(two, "up")
  const deployments = await kubectl(two, "get", "deployments", "-o", "name")
  assert.equal(deployments.stdout.trim(), "deployment.apps/web")
  const rollout = await kubectl(two, "rollout", "status", "deployment/web", "--timeout=180s")
  assert.equal(rollout.code, 0, rollout.stderr)
})

test("down --purge leaves the machine as it was", async () => {
  for (const cluster of [one, two]) {
    const { number } = stateOf(cluster)
    await succeed(cluster, "down", "--purge")
    assert.deepEqual(traces({ name: cluster.name, directory: homeOf(cluster), number }), [])
    assert.equal(existsSync(homeOf(cluster)), false)
  }
  assert.equal(readFileSync(kubeconfigOf(one), "utf8").includes("ladya"), false)
  assert.match(readFileSync(kubeconfigOf(one), "utf8"), /work\.example/)
  const again = await ladya(one, "down", "--purge")
  assert.equal(again.code, 0)
  assert.match(again.stdout, /There is no cluster/)
})

test("what is said wrongly is answered with exit code 2 and what to say", async () => {
  const cases: [string[], RegExp][] = [
    [["up", "--nodes", "x"], /whole number/],
    [["up", "--nodes", "0"], /from 1 to/],
    [["up", "--name", "Not A Name"], /cannot name a cluster/],
    [["nosuch"], /unknown command/],
    [["image", "make"], /missing required argument/],
    [["server", "--listen", "nowhere"], /HOST:PORT/],
  ]
  for (const [args, message] of cases) {
    const { code, stderr } = await one.ladya(args, { env: environment(one) })
    assert.equal(code, 2, args.join(" "))
    assert.match(stderr, message)
  }
  const status = await one.ladya(["status", "--name", "nosuch"], { env: environment(one) })
  assert.equal(status.code, 1)
  assert.match(status.stderr, /do: start it: ladya up --name nosuch/)
})
