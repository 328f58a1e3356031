import { Command } from "commander"
import { nameOption, outputOption } from "../options.ts"
import { print } from "../output.ts"

export function newWhyCommand(): Command {
  return new Command("why")
    .description("say why something is pending, not ready, restarting, stuck or unreachable")
    .argument("<what...>", "TYPE/NAME or TYPE NAME, as in pod/web-0, deploy/web, svc/web, pvc/data, node/n1, ns/team")
    .option("-n, --namespace <namespace>", "the namespace it is in", "default")
    .option("--kubeconfig <file>", "ask this cluster instead: any cluster that kubectl can reach")
    .addOption(nameOption())
    .addOption(outputOption())
    .addHelpText("after", "\nThe cause stands at the top, then what helps; -o json gives the same to programs.")
    .action(async (what: string[], options: Options) => {
      const { accessFor } = await import("../../cluster/access.ts")
      const { clusterPaths } = await import("../../cluster/paths.ts")
      const { ask } = await import("../../why/ask.ts")
      const { render } = await import("@ladya/why")
      const access = await accessFor(clusterPaths(options.name), options.kubeconfig)
      const finding = await ask(access, what, options.namespace)
      print(options.output === "json" ? JSON.stringify(finding, undefined, 2) : render(finding))
    })
}

interface Options {
  namespace: string
  kubeconfig?: string
  name: string
  output?: string
}
