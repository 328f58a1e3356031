import { Command } from "commander"
import { nameOption } from "../options.ts"
import { newProgress, print } from "../output.ts"

export function newDownCommand(): Command {
  return new Command("down")
    .description("end a cluster: its processes, mounts, networks and cgroups")
    .addOption(nameOption())
    .option("--purge", "remove its data too", false)
    .action(async (options: { name: string; purge: boolean }) => {
      const { down } = await import("../../cluster/down.ts")
      const { existsSync } = await import("node:fs")
      const { clusterPaths } = await import("../../cluster/paths.ts")
      const { directory } = clusterPaths(options.name)
      if (!existsSync(directory)) {
        await down(options)
        print(`There is no cluster "${options.name}".`)
        return
      }
      await newProgress().step(`end the cluster "${options.name}"`, () => down(options))
      if (!options.purge)
        print(`Its data is kept in ${directory}: ladya up starts it again, ladya down --purge removes it.`)
    })
}
