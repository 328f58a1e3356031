import { enableCompileCache } from "node:module"
import { join } from "node:path"

// Compiled code is kept beside the libraries, so that the next start does not compile again. Whoever starts Ladya says the
// same by NODE_COMPILE_CACHE: only then is this very file in the cache too, and the 50 ms saved that loading the stripper of
// types takes.
enableCompileCache(join(import.meta.dirname, "../../../node_modules/.cache/ladya"))

const { runCli } = await import("./cli/program.ts")
await runCli(process.argv)
