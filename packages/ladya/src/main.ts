import { enableCompileCache } from "node:module"
import { join } from "node:path"

// Compiled code is kept beside the libraries, so that the next start does not compile again.
enableCompileCache(join(import.meta.dirname, "../../../node_modules/.cache/ladya"))

const { runCli } = await import("./cli/program.ts")
await runCli(process.argv)
