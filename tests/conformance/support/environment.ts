import { randomUUID } from "node:crypto"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type Client, type HttpsTransport, loadKubeconfig, newClient, newHttpsTransport } from "@ladya/client"
import { silentLogger, systemClock } from "@ladya/util"
import { makeHelperImage } from "./helper-image.ts"
import { root, runProgram } from "./program.ts"

/** The cluster that is tested. */
export interface Environment {
  client: Client
  transport: HttpsTransport
  /** The path of a kubeconfig of an administrator. */
  kubeconfig: string
  /** Part of the names of what this run makes. */
  runId: string
  image(): Promise<string>
  close(): Promise<void>
}

export interface EnvironmentOptions {
  /** A cluster that is there already. Without it and `cluster` one is started for the run. */
  kubeconfig?: string
  /** The name of a running cluster of `ladya up`: its kubeconfig is used, the helper image made in its store. */
  cluster?: string
  /** The helper image, where the nodes can pull it. Without it, it is made in the store of the Ladya cluster. */
  image?: string
  /** Leaves the cluster that was started for the run. */
  keep?: boolean
  log: (line: string) => void
}

async function ladya(directory: string, ...args: string[]): Promise<string> {
  const outcome = await runProgram(join(root, "ladya"), args, {
    timeoutMs: 300_000,
    env: { KUBECONFIG: join(directory, "config") },
  })
  if (outcome.code === 0) return outcome.stdout
  throw new Error(`ladya ${args.join(" ")} exited with ${outcome.code}:\n${outcome.stdout}\n${outcome.stderr}`)
}

/** Connects to the cluster, started if need be. `close` ends what was started. */
export async function openEnvironment(options: EnvironmentOptions): Promise<Environment> {
  const directory = mkdtempSync(join(tmpdir(), "ladya-conformance-"))
  const own = options.kubeconfig === undefined && options.cluster === undefined
  const cluster = own ? `conformance-${process.pid}` : options.cluster
  const kubeconfig = options.kubeconfig ?? join(directory, "kubeconfig")
  const end = async (): Promise<void> => {
    if (own && options.keep) {
      options.log(
        `the cluster stays: ./ladya kubeconfig --name ${cluster}; end it: ./ladya down --name ${cluster} --purge`,
      )
    } else if (own && cluster) {
      await ladya(directory, "down", "--name", cluster, "--purge")
    }
    rmSync(directory, { recursive: true, force: true })
  }
  try {
    if (own && cluster) {
      options.log(`starting the cluster ${cluster}`)
      await ladya(directory, "up", "--name", cluster, "--nodes", "2", "--compact-after", "30")
    }
    if (cluster && options.kubeconfig === undefined) {
      writeFileSync(kubeconfig, await ladya(directory, "kubeconfig", "--name", cluster), { mode: 0o600 })
    }
    const transport = newHttpsTransport({
      ...loadKubeconfig(kubeconfig),
      userAgent: "ladya-conformance",
      clock: systemClock,
      log: silentLogger,
    })
    let image: Promise<string> | undefined
    return {
      client: newClient(transport),
      ...{ transport, kubeconfig, runId: randomUUID().slice(0, 5) },
      image: () => {
        image ??= options.image ? Promise.resolve(options.image) : makeHelperImage(cluster)
        return image
      },
      close: async () => {
        transport.close()
        await end()
      },
    }
  } catch (error) {
    await end()
    throw error
  }
}
