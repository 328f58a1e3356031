import { Command } from "commander"
import type { PublicRegistries } from "../../images/mirror-hosts.ts"
import {
  collectHostPorts,
  compactAfterOption,
  type HostPort,
  logLevelOption,
  parseHostPort,
  publicRegistriesOption,
} from "../options.ts"

interface ServerCommandOptions {
  listen?: HostPort[]
  advertise?: string
  dataDir?: string
  store: string
  storeCa?: string
  storeCert?: string
  storeKey?: string
  schedulerConfig?: string
  node: boolean
  images?: string
  registry?: HostPort
  certsDir?: string
  publicRegistries: PublicRegistries
  compactAfter: number
  logLevel: "debug" | "info" | "warn" | "error"
}

export function newServerCommand(): Command {
  return new Command("server")
    .description("run a control plane in the foreground: store, API server, controllers, scheduler")
    .option(
      "--listen <host:port>",
      "where the API is served; several times (0.0.0.0:6443; with --no-node 127.0.0.1:6443)",
      collectHostPorts,
    )
    .option("--advertise <address>", "the address that nodes reach the API at")
    .option("--data-dir <dir>", "where keys, objects and admin.kubeconfig are kept (LADYA_HOME/server)")
    .option("--store <store>", "what keeps the objects: sqlite, memory, or etcd://HOST:PORT[,HOST:PORT...]", "sqlite")
    .option("--store-ca <file>", "etcd's certificate authority; its connections are then TLS")
    .option("--store-cert <file>", "the client certificate that etcd is shown")
    .option("--store-key <file>", "the key of that certificate")
    .option("--no-node", "a control plane alone, without a node on this machine")
    .option("--images <dir>", "the image store that the mirror serves (DIR/images)")
    .option(
      "--registry <host:port>",
      "where the image mirror is served (127.0.0.1:5000; with --no-node nowhere)",
      parseHostPort,
    )
    .option("--certs-dir <dir>", "containerd's registry hosts directory, kept pointing at the mirror (DIR/certs.d)")
    .addOption(publicRegistriesOption())
    .option("--scheduler-config <file>", "a KubeSchedulerConfiguration: profiles, plugins, extenders")
    .addOption(compactAfterOption())
    .addOption(logLevelOption())
    .addHelpText("after", "\nWrites DIR/admin.kubeconfig. SIGTERM ends it in good order, a second signal at once.")
    .action(async (options: ServerCommandOptions) => {
      const { runServer } = await import("../../daemon/server.ts")
      const { readSchedulerConfiguration } = await import("../../daemon/scheduler-configuration.ts")
      const { parseStoreChoice } = await import("../../daemon/store.ts")
      const { ladyaHome } = await import("../../cluster/paths.ts")
      const { resolve } = await import("node:path")
      const dataDirectory = resolve(options.dataDir ?? `${ladyaHome()}/server`)
      await runServer({
        listen: options.listen ?? [{ host: options.node ? "0.0.0.0" : "127.0.0.1", port: 6443 }],
        advertise: options.advertise,
        dataDirectory,
        store: parseStoreChoice(options.store, {
          ...(options.storeCa === undefined ? {} : { ca: options.storeCa }),
          ...(options.storeCert === undefined ? {} : { cert: options.storeCert }),
          ...(options.storeKey === undefined ? {} : { key: options.storeKey }),
        }),
        withNode: options.node,
        imagesDirectory: resolve(options.images ?? `${dataDirectory}/images`),
        registry: options.registry ?? (options.node ? { host: "127.0.0.1", port: 5000 } : undefined),
        certsDirectory: resolve(options.certsDir ?? `${dataDirectory}/certs.d`),
        publicRegistries: options.publicRegistries,
        compactAfterMs: options.compactAfter * 1000,
        scheduler: options.schedulerConfig ? await readSchedulerConfiguration(options.schedulerConfig) : undefined,
        logLevel: options.logLevel,
      })
    })
}
