import { Command } from "commander"
import { newProgress, print } from "../output.ts"

export function newSetupCommand(): Command {
  return new Command("setup")
    .description("install the Debian packages that nodes need, and nothing else")
    .action(async () => {
      const { ensurePackages, missingPackages } = await import("../../system/debian-packages.ts")
      const missing = await missingPackages()
      if (missing.length === 0) {
        print("This machine has all that nodes need.")
        return
      }
      await newProgress().step(`Debian packages: ${missing.join(" ")}`, (detail) =>
        ensurePackages({ onOutput: detail }),
      )
    })
}
