import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, mkdtempSync, rmSync } from "node:fs"
import { createServer } from "node:net"
import { tmpdir } from "node:os"
import { delimiter, join } from "node:path"
import { newRandom, silentLogger, systemClock, waitFor } from "@ladya/util"
import { type EtcdStoreDeps, newEtcdStore } from "../etcd/etcd-store.ts"

/** Path of the etcd program; undefined where it is not installed (Debian: etcd-server). */
export function findEtcd(): string | undefined {
  const directories = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/bin", "/usr/local/bin"]
  return directories.map((directory) => join(directory, "etcd")).find((path) => existsSync(path))
}

/** For a test's `skip`: why it cannot run here, or false. */
export const etcdMissing = (): string | false =>
  findEtcd() ? false : "etcd is not installed (Debian: apt-get install etcd-server)"

export interface EtcdCluster {
  /** `host:port` of each member. */
  readonly endpoints: readonly string[]
  /** Ends one member at once, as kill -9 does. */
  kill(member: number): Promise<void>
  /** Starts a member that was killed, on its data. */
  restart(member: number): void
  stop(): Promise<void>
}

export interface EtcdClusterOptions {
  /** One unless told. */
  members?: number
  /** PEM files: members then serve clients by TLS and ask them for a certificate. */
  tls?: { caFile: string; certFile: string; keyFile: string; client: NonNullable<EtcdStoreDeps["tls"]> }
}

/** Ports of loopback that nobody listens on just now. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer())
  const ports: number[] = []
  for (const server of servers) {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
    const address = server.address()
    ports.push(typeof address === "object" && address ? address.port : 0)
  }
  for (const server of servers) server.close()
  return ports
}

/** An etcd cluster on loopback with its data in a temporary directory. Resolves when it answers. */
export async function startEtcd(options: EtcdClusterOptions = {}): Promise<EtcdCluster> {
  const program = findEtcd()
  if (!program) throw new Error("etcd is not installed")
  const count = options.members ?? 1
  const directory = mkdtempSync(join(tmpdir(), "ladya-etcd-"))
  const ports = await freePorts(2 * count)
  const scheme = options.tls ? "https" : "http"
  const peerOf = (member: number): string => `http://127.0.0.1:${ports[count + member]}`
  const cluster = Array.from({ length: count }, (_, i) => `m${i}=${peerOf(i)}`).join(",")
  const processes: (ChildProcess | undefined)[] = []
  const restart = (member: number): void => {
    const url = `${scheme}://127.0.0.1:${ports[member]}`
    const args = Object.entries({
      name: `m${member}`,
      "data-dir": join(directory, `m${member}`),
      "listen-client-urls": url,
      "advertise-client-urls": url,
      "listen-peer-urls": peerOf(member),
      "initial-advertise-peer-urls": peerOf(member),
      "initial-cluster": cluster,
      "initial-cluster-state": "new",
      // Alone, a member is to lead at once; several on a busy machine are not to quarrel.
      "heartbeat-interval": count === 1 ? "10" : "50",
      "election-timeout": count === 1 ? "100" : "500",
      logger: "zap",
      "log-level": "panic",
      ...(options.tls
        ? {
            "trusted-ca-file": options.tls.caFile,
            "cert-file": options.tls.certFile,
            "key-file": options.tls.keyFile,
            "client-cert-auth": "true",
          }
        : {}),
    }).map(([name, value]) => `--${name}=${value}`)
    processes[member] = spawn(program, args, { stdio: "ignore", env: { ETCD_UNSUPPORTED_ARCH: process.arch } })
  }
  const kill = async (member: number): Promise<void> => {
    const child = processes[member]
    processes[member] = undefined
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, "exit")
    child.kill("SIGKILL")
    await exited
  }
  const stop = async (): Promise<void> => {
    for (let i = 0; i < count; i++) await kill(i)
    rmSync(directory, { recursive: true, force: true })
  }
  for (let i = 0; i < count; i++) restart(i)
  const endpoints = Array.from({ length: count }, (_, i) => `127.0.0.1:${ports[i]}`)
  const probe = newEtcdStore({
    endpoints,
    ...(options.tls ? { tls: options.tls.client } : {}),
    ...{ clock: systemClock, log: silentLogger, random: newRandom(1) },
  })
  try {
    await waitFor(systemClock, () => probe.currentRevision(), {
      description: "etcd to answer",
      timeoutMs: 20_000,
      intervalMs: 20,
    })
  } catch (error) {
    await stop()
    throw error
  } finally {
    await probe.close()
  }
  return { endpoints, kill, restart, stop }
}
