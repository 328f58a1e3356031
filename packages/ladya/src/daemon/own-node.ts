import { type ChildProcess, spawn } from "node:child_process"
import { hostname } from "node:os"
import { join } from "node:path"
import type { Pki } from "@ladya/apiserver"
import { Backoff, type Clock, type Component, type Logger, sleep } from "@ladya/util"
import { selfCommand } from "../cluster/commands.ts"
import { LadyaError } from "../errors.ts"
import { ensureBuiltinImages } from "../images/builtin.ts"
import { fullImageName } from "../images/names.ts"
import { ImageStore } from "../images/store.ts"
import { sandboxImage } from "../machine/containerd.ts"
import { missingPackages } from "../system/debian-packages.ts"
import { detectHost } from "../system/host.ts"
import { writeNodeIdentity } from "./pki.ts"
import type { ServerConfig } from "./server.ts"

export interface OwnNodeDeps {
  config: ServerConfig
  pki: Pki
  clock: Clock
  log: Logger
  /** The address of this machine that the node goes by. */
  advertiseAddress: string
  port: number
}

/** The node on the server's own machine: an agent in a process of its own, started again when it ends by itself. */
export function newOwnNode(deps: OwnNodeDeps): Component {
  const { config, pki, clock, log, advertiseAddress, port } = deps
  const directory = join(config.dataDirectory, "node")
  const name = hostname().toLowerCase()
  const stopping = new AbortController()
  let child: ChildProcess | undefined
  let ended: Promise<void> = Promise.resolve()

  const command = [
    ...selfCommand,
    "agent",
    ...["--data-dir", directory, "--node-name", name, "--node-ip", advertiseAddress],
    ...["--certs-dir", config.certsDirectory, "--log-level", config.logLevel],
    ...["--preload", sandboxImage, "--preload", fullImageName("busybox")],
  ]
  const runOnce = (): Promise<void> =>
    new Promise((resolve) => {
      child = spawn(command[0] as string, command.slice(1), { stdio: ["ignore", "inherit", "inherit"] })
      child.on("error", (error) => log.error("cannot start the agent", { error }))
      child.on("close", (code, signal) => {
        if (!stopping.signal.aborted) log.error("the agent ended by itself", { code, signal })
        resolve()
      })
    })
  const keepRunning = async (): Promise<void> => {
    const backoff = new Backoff(clock, { initialMs: 500, maxMs: 30_000 })
    while (!stopping.signal.aborted) {
      await runOnce()
      await sleep(clock, backoff.next("agent"), stopping.signal).catch(() => undefined)
    }
  }
  return {
    name: "node",
    start: async () => {
      const missing = await missingPackages()
      if (missing.length > 0) {
        throw new LadyaError(`a node needs ${missing.join(", ")}`, {
          hint: "install it: ladya setup; or run a control plane alone: --no-node",
        })
      }
      await ensureBuiltinImages(new ImageStore(config.imagesDirectory), detectHost().architecture)
      const server = `https://${advertiseAddress}:${port}`
      await writeNodeIdentity(pki, { name, address: advertiseAddress, server, directory })
      ended = keepRunning()
    },
    stop: async () => {
      stopping.abort()
      child?.kill("SIGTERM")
      await ended
    },
  }
}
