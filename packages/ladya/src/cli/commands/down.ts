import { Command, Option } from "commander"
import { nameOption } from "../options.ts"
import { newProgress, print } from "../output.ts"

export function newDownCommand(): Command {
  return new Command("down")
    .description("end a cluster: its processes, mounts, networks and cgroups")
    .addOption(nameOption())
    .option("--purge", "remove its data too", false)
    .addOption(new Option("--keep-nodes", "end the server alone: containers run on").default(false).conflicts("purge"))
    .action(async (options: { name: string; purge: boolean; keepNodes: boolean }) => {
      const { down } = await import("../../cluster/down.ts")
      const { existsSync } = await import("node:fs")
      const { clusterPaths } = await import("../../cluster/paths.ts")
      const { directory } = clusterPaths(options.name)
      if (!existsSync(directory)) {
        await down(options)
        print(`There is no cluster "${options.name}".`)
        return
      }
      if (options.keepNodes) {
        await newProgress().step(`end the server of the cluster "${options.name}"`, () => down(options))
        print("Its nodes and containers run on: ladya up starts the server again.")
        return
      }
      await newProgress().step(`end the cluster "${options.name}"`, () => down(options))
      if (!options.purge)
        print(`Its data is kept in ${directory}: ladya up starts it again, ladya down --purge removes it.`)
    })
}
