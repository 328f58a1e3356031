import { resolve } from "node:path"
import { Command } from "commander"
import type { StoreTlsFiles } from "../../daemon/store.ts"
import type { PublicRegistries } from "../../images/mirror-hosts.ts"
import { compactAfterOption, nameOption, parseCount, publicRegistriesOption } from "../options.ts"
import { newProgress, print } from "../output.ts"

interface UpCommandOptions {
  nodes?: number
  name: string
  publicRegistries: PublicRegistries
  compactAfter: number
  store?: string
  storeCa?: string
  storeCert?: string
  storeKey?: string
}

export function newUpCommand(): Command {
  return new Command("up")
    .description("start a cluster on this machine, or mend the one there is; returns when every node is Ready")
    .option("--nodes <n>", "how many nodes (1 for a new cluster)", parseCount)
    .addOption(nameOption())
    .addOption(publicRegistriesOption())
    .addOption(compactAfterOption())
    .option(
      "--store <store>",
      "what keeps the objects: sqlite, or etcd://HOST:PORT[,HOST:PORT...] (as before, or sqlite)",
    )
    .option("--store-ca <file>", "etcd's certificate authority; its connections are then TLS")
    .option("--store-cert <file>", "the client certificate that etcd is shown")
    .option("--store-key <file>", "the key of that certificate")
    .addHelpText(
      "after",
      `
Installs the Debian packages that this machine lacks, boots each node in namespaces of its own, and puts a context
into your kubeconfig. Run again it starts what has died, and adds nodes when --nodes is higher than before.`,
    )
    .action(async (options: UpCommandOptions) => {
      const { up } = await import("../../cluster/up.ts")
      const { contextName } = await import("../../cluster/kubeconfig.ts")
      const { store, name, nodes, publicRegistries } = options
      const { state } = await up({
        ...{ name, publicRegistries, compactAfterSeconds: options.compactAfter, progress: newProgress() },
        ...(nodes === undefined ? {} : { nodes }),
        ...(store === undefined ? {} : { store: { store, files: storeFiles(options) } }),
      })
      const count = state.nodes.length
      print(
        `The cluster "${state.name}" is up: ${count} ${count === 1 ? "node" : "nodes"}, https://127.0.0.1:${state.apiPort}`,
      )
      print(`kubectl's context is now "${contextName(state.name)}". Try: kubectl get nodes -o wide`)
    })
}

/** The files as absolute paths: the server is started from elsewhere. */
function storeFiles({ storeCa, storeCert, storeKey }: UpCommandOptions): StoreTlsFiles {
  return {
    ...(storeCa === undefined ? {} : { ca: resolve(storeCa) }),
    ...(storeCert === undefined ? {} : { cert: resolve(storeCert) }),
    ...(storeKey === undefined ? {} : { key: resolve(storeKey) }),
  }
}
