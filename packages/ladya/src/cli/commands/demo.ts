import { Command } from "commander"
import { nameOption, parseCount } from "../options.ts"
import { newProgress } from "../output.ts"

export function newDemoCommand(): Command {
  return new Command("demo")
    .description("from nothing to a real application: two nodes, images made on the spot, called over HTTP")
    .addOption(nameOption())
    .option("--nodes <n>", "how many nodes", parseCount, 2)
    .addHelpText("after", "\nExits with 0 only if the application really answered through its Service.")
    .action(async (options: { name: string; nodes: number }) => {
      const { demo } = await import("../../demo/demo.ts")
      await demo({ ...options, progress: newProgress() })
    })
}
