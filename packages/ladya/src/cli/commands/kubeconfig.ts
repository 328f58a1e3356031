import { Command } from "commander"
import { nameOption } from "../options.ts"

export function newKubeconfigCommand(): Command {
  return new Command("kubeconfig")
    .description("print a self-contained kubeconfig of the cluster's administrator")
    .addOption(nameOption())
    .action(async (options: { name: string }) => {
      const { clusterPaths } = await import("../../cluster/paths.ts")
      const { adminKubeconfigText } = await import("../../cluster/access.ts")
      process.stdout.write(await adminKubeconfigText(clusterPaths(options.name)))
    })
}
