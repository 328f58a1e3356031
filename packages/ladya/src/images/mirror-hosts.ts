import { lookup } from "node:dns/promises"
import { mkdir } from "node:fs/promises"
import { connect } from "node:net"
import { type Clock, type Component, type Logger, systemClock, timeoutSignal } from "@ladya/util"
import { writeFileAtomic } from "../system/files.ts"

/** "auto": ask the public registries when they can be reached. */
export type PublicRegistries = "auto" | "on" | "off"

/**
 * The text that sends containerd to the mirror first. With `onlyMirror` a miss there is the answer ("not found", at once);
 * without it containerd goes on to the registry that the image's name says.
 */
export function hostsToml(mirror: string, options: { onlyMirror: boolean }): string {
  const server = options.onlyMirror ? `server = "${mirror}"\n` : ""
  return `${server}[host."${mirror}"]\n  capabilities = ["pull", "resolve"]\n`
}

export interface MirrorHostsOptions {
  /** containerd's certs.d, shared by the nodes of one cluster on one machine. */
  certsDirectory: string
  /** The mirror's address, like `http://172.30.0.1:5000`. */
  mirror: string
  publicRegistries: PublicRegistries
  log: Logger
  clock?: Clock
  /** Whether a registry can be reached; the network is asked unless told. */
  isReachable?: (registry: string) => Promise<boolean>
}

export interface MirrorHosts extends Component {
  /** To be called when the mirror has not got an image of this registry. */
  missed(registry: string): void
}

const minIntervalMs = 15_000
const probeTimeoutMs = 1500

/**
 * Keeps hosts.toml right: in front of the public registries while they can be reached, alone while they cannot.
 * containerd reads the file at each pull, so that the next try of a pull sees what was found out after a miss.
 */
export function newMirrorHosts(options: MirrorHostsOptions): MirrorHosts {
  const clock = options.clock ?? systemClock
  const isReachable = options.isReachable ?? ((registry) => probe(registry, clock))
  let onlyMirror = options.publicRegistries !== "on"
  let lastProbe = Number.NEGATIVE_INFINITY
  let running = Promise.resolve()

  const write = async (): Promise<void> => {
    await mkdir(`${options.certsDirectory}/_default`, { recursive: true, mode: 0o755 })
    await writeFileAtomic(`${options.certsDirectory}/_default/hosts.toml`, hostsToml(options.mirror, { onlyMirror }))
  }
  const check = (registry: string): void => {
    if (options.publicRegistries !== "auto" || clock.monotonic() - lastProbe < minIntervalMs) return
    lastProbe = clock.monotonic()
    running = running
      .then(async () => {
        const reachable = await isReachable(registry)
        if (reachable !== onlyMirror) return
        onlyMirror = !reachable
        options.log.info("public registries", { reachable })
        await write()
      })
      .catch((error) => options.log.warn("cannot update the mirror's hosts.toml", { error }))
  }
  return {
    name: "mirror-hosts",
    start: async () => {
      await write()
      check("docker.io")
    },
    stop: () => running,
    missed: check,
  }
}

/** Whether a name resolves and its HTTPS port opens. */
async function probe(registry: string, clock: Clock): Promise<boolean> {
  const deadline = timeoutSignal(clock, probeTimeoutMs)
  const expired = new Promise<false>((resolve) => {
    deadline.signal.addEventListener("abort", () => resolve(false), { once: true })
  })
  const [host = "", port = "443"] = registry.split(":")
  const tried = lookup(host).then(
    ({ address }) =>
      new Promise<boolean>((resolve) => {
        const socket = connect({ host: address, port: Number(port), signal: deadline.signal })
        socket.once("connect", () => {
          socket.destroy()
          resolve(true)
        })
        socket.once("error", () => resolve(false))
      }),
    () => false,
  )
  try {
    return await Promise.race([tried, expired])
  } finally {
    deadline.clear()
  }
}
