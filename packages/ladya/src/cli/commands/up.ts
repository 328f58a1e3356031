import { Command } from "commander"
import type { PublicRegistries } from "../../images/mirror-hosts.ts"
import { compactAfterOption, nameOption, parseCount, publicRegistriesOption } from "../options.ts"
import { newProgress, print } from "../output.ts"

interface UpCommandOptions {
  nodes?: number
  name: string
  publicRegistries: PublicRegistries
  compactAfter: number
}

export function newUpCommand(): Command {
  return new Command("up")
    .description("start a cluster on this machine, or mend the one there is; returns when every node is Ready")
    .option("--nodes <n>", "how many nodes (1 for a new cluster)", parseCount)
    .addOption(nameOption())
    .addOption(publicRegistriesOption())
    .addOption(compactAfterOption())
    .addHelpText(
      "after",
      `
Installs the Debian packages that this machine lacks, boots each node in namespaces of its own, and puts a context
into your kubeconfig. Run again it starts what has died, and adds nodes when --nodes is higher than before.`,
    )
    .action(async (options: UpCommandOptions) => {
      const { up } = await import("../../cluster/up.ts")
      const { contextName } = await import("../../cluster/kubeconfig.ts")
      const { state } = await up({ ...options, compactAfterSeconds: options.compactAfter, progress: newProgress() })
      const count = state.nodes.length
      print(
        `The cluster "${state.name}" is up: ${count} ${count === 1 ? "node" : "nodes"}, https://127.0.0.1:${state.apiPort}`,
      )
      print(`kubectl's context is now "${contextName(state.name)}". Try: kubectl get nodes -o wide`)
    })
}
