import assert from "node:assert/strict"
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { cpSync, existsSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { after, test } from "node:test"
import { systemClock, waitFor } from "@ladya/util"
import { etcdMissing, freePorts, startEtcd } from "../../packages/store/src/testing/etcd.ts"
import { runProgram } from "./support/cluster.ts"

/** Two control planes as processes of their own, on one etcd. */
const root = join(import.meta.dirname, "../..")
const directory = mkdtempSync(join(tmpdir(), "ladya-e2e-etcd-"))
const servers: ChildProcess[] = []

after(async () => {
  for (const server of servers) await end(server, "SIGTERM")
  rmSync(directory, { recursive: true, force: true })
})

async function end(server: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return
  const exited = once(server, "exit")
  server.kill(signal)
  await exited
}

const kubectl = (data: string, ...args: string[]) =>
  runProgram("kubectl", args, { env: { KUBECONFIG: join(data, "admin.kubeconfig") }, timeoutMs: 180_000 })

async function startServer(data: string, port: number, store: string): Promise<ChildProcess> {
  const listen = `127.0.0.1:${port}`
  const args = ["server", "--no-node", "--listen", listen, "--data-dir", data, "--store", store]
  // The program itself, not the shell script before it: signals are to reach it.
  const server = spawn(process.execPath, [join(root, "packages/ladya/src/main.ts"), ...args], { stdio: "ignore" })
  servers.push(server)
  const kubeconfig = join(data, "admin.kubeconfig")
  const isReady = async () => existsSync(kubeconfig) && (await kubectl(data, "get", "--raw", "/readyz")).stdout === "ok"
  await waitFor(systemClock, isReady, { description: "the server to be ready", timeoutMs: 180_000, intervalMs: 100 })
  return server
}

test("two servers on one etcd; kill -9 of one loses nothing acknowledged", { skip: etcdMissing() }, async (t) => {
  const etcd = await startEtcd()
  t.after(() => etcd.stop())
  const store = `etcd://${etcd.endpoints.join(",")}`
  const [portA, portB] = (await freePorts(2)) as [number, number]
  const [dataA, dataB] = [join(directory, "a"), join(directory, "b")]
  const first = await startServer(dataA, portA, store)
  // One cluster, one authority: the second server has the first one's keys.
  cpSync(dataA, dataB, { recursive: true })
  rmSync(join(dataB, "admin.kubeconfig"))
  await startServer(dataB, portB, store)

  const created = await kubectl(dataA, "create", "configmap", "one", "--from-literal=x=1")
  assert.equal(created.stdout, "configmap/one created\n", created.stderr)
  const shown = await kubectl(dataB, "get", "configmap", "one", "-o", "jsonpath={.data.x}")
  assert.equal(shown.stdout, "1", shown.stderr)

  const acknowledged: string[] = []
  const writers = Array.from({ length: 3 }, async (_, writer) => {
    for (let i = 0; first.exitCode === null && first.signalCode === null; i++) {
      const { code } = await kubectl(dataA, "create", "configmap", `w${writer}-${i}`)
      if (code === 0) acknowledged.push(`w${writer}-${i}`)
    }
  })
  await waitFor(systemClock, () => acknowledged.length >= 6, { description: "writes", timeoutMs: 180_000 })
  await end(first, "SIGKILL")
  await Promise.all(writers)
  const rest = await kubectl(dataB, "get", "configmaps", "-o", "jsonpath={.items[*].metadata.name}")
  const names = new Set(rest.stdout.split(" "))
  for (const name of ["one", ...acknowledged]) assert.ok(names.has(name), `${name} was acknowledged and is gone`)
  const more = await kubectl(dataB, "create", "configmap", "two")
  assert.equal(more.code, 0, more.stderr)
})
