import { Command } from "commander"
import { newProgress, print } from "../output.ts"

export function newSetupCommand(): Command {
  return new Command("setup")
    .description("install the Debian packages that nodes need, and nothing else")
    .option("--for-tests", "also what only Ladya's own tests use")
    .action(async (options: { forTests?: boolean }) => {
      const { ensurePackages, missingPackages, testPackages } = await import("../../system/debian-packages.ts")
      const extra = options.forTests ? testPackages : []
      const missing = await missingPackages({ extra })
      if (missing.length === 0) {
        print("This machine has all that nodes need.")
        return
      }
      await newProgress().step(`Debian packages: ${missing.join(" ")}`, (detail) =>
        ensurePackages({ extra, onOutput: detail }),
      )
      if (!options.forTests) return
      const { stopServices } = await import("../../system/services.ts")
      await stopServices(
        testPackages.filter((wanted) => missing.includes(wanted.package)).map((wanted) => wanted.program),
      )
    })
}
