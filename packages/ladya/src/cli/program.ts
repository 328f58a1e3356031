import { readFileSync } from "node:fs"
import { join } from "node:path"
import { Command } from "commander"
import { newAgentCommand } from "./commands/agent.ts"
import { newDemoCommand } from "./commands/demo.ts"
import { newDownCommand } from "./commands/down.ts"
import { newImageCommand } from "./commands/image.ts"
import { newKubeconfigCommand } from "./commands/kubeconfig.ts"
import { newKubectlCommand } from "./commands/kubectl.ts"
import { newServerCommand } from "./commands/server.ts"
import { newSetupCommand } from "./commands/setup.ts"
import { newSimulateCommand } from "./commands/simulate.ts"
import { newStatusCommand } from "./commands/status.ts"
import { newStoreCommand } from "./commands/store.ts"
import { newUpCommand } from "./commands/up.ts"
import { newWhyCommand } from "./commands/why.ts"
import { report } from "./report.ts"

/** The whole command line. Each command loads what it needs when it is run, so that `--help` is quick. */
export function newProgram(): Command {
  const program = new Command("ladya")
    .description("The Kubernetes API on real containers, in one small process.")
    .version(packageVersion())
    .enablePositionalOptions()
    .showHelpAfterError("(--help shows what can be said)")
    .addHelpText(
      "after",
      `
Start here:
  ladya demo                 a two-node cluster with a real application, from nothing
  ladya up --nodes 2         a cluster in the background; kubectl then works at once
  ladya down --purge         everything gone again

Environment:
  LADYA_HOME                 where clusters are kept (/var/lib/ladya)
  LADYA_DEBUG=1              failures show their stack
  LADYA_HEAP_MB              how far a process may grow its heap (1400); more for very large clusters
  KUBECONFIG                 the kubeconfig that up writes the cluster's context to`,
    )
  program.addCommand(newDemoCommand())
  program.addCommand(newUpCommand())
  program.addCommand(newDownCommand())
  program.addCommand(newStatusCommand())
  program.addCommand(newKubeconfigCommand())
  program.addCommand(newKubectlCommand())
  program.addCommand(newWhyCommand())
  program.addCommand(newSimulateCommand())
  program.addCommand(newImageCommand())
  program.addCommand(newStoreCommand())
  program.addCommand(newServerCommand())
  program.addCommand(newAgentCommand())
  program.addCommand(newSetupCommand())
  for (const command of allCommands(program)) command.exitOverride()
  return program
}

function packageVersion(): string {
  const text = readFileSync(join(import.meta.dirname, "../../package.json"), "utf8")
  return (JSON.parse(text) as { version: string }).version
}

/** A command with all below it. */
export function allCommands(command: Command): Command[] {
  return [command, ...command.commands.flatMap(allCommands)]
}

/** Runs one command line. The process's exit code is 0, 1 for what failed, 2 for what was said wrongly. */
export async function runCli(argv: readonly string[]): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) {
    // Whoever reads our output may stop reading (`| head`): that is no failure.
    stream.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EPIPE") process.exit(0)
    })
  }
  try {
    await newProgram().parseAsync([...argv])
  } catch (error) {
    process.exitCode = report(error)
  }
}
