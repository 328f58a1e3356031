import { ComponentGroup, newLogger } from "@ladya/util"
import type { HostPort } from "../cli/options.ts"
import { newMirrorHosts, type PublicRegistries } from "../images/mirror-hosts.ts"
import { newRegistry } from "../images/registry.ts"
import { ImageStore } from "../images/store.ts"
import { runUntilSignalled } from "./run.ts"

export interface ServerConfig {
  listen: readonly HostPort[]
  /** The address that nodes reach the API at; the first of `listen` that is not loopback unless told. */
  advertise: string | undefined
  dataDirectory: string
  store: "sqlite" | "memory"
  withNode: boolean
  imagesDirectory: string
  registry: HostPort | undefined
  certsDirectory: string
  publicRegistries: PublicRegistries
  logLevel: "debug" | "info" | "warn" | "error"
}

/** Runs a control plane until it is told to stop. */
export async function runServer(config: ServerConfig): Promise<void> {
  const log = newLogger({ level: config.logLevel })
  const { registry: at } = config
  const mirror = at ? mirrorComponents(config, at, log) : []
  await runUntilSignalled(new ComponentGroup("server", mirror, log), log)
}

function mirrorComponents(config: ServerConfig, at: HostPort, log: ReturnType<typeof newLogger>) {
  const hosts = newMirrorHosts({
    certsDirectory: config.certsDirectory,
    mirror: `http://${at.host}:${at.port}`,
    publicRegistries: config.publicRegistries,
    log,
  })
  const registry = newRegistry({
    store: new ImageStore(config.imagesDirectory),
    ...at,
    log,
    onMiss: (name) => hosts.missed(name),
  })
  return [registry, hosts]
}
