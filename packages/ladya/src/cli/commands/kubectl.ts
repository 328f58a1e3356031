import { spawn } from "node:child_process"
import { Command } from "commander"
import { LadyaError } from "../../errors.ts"
import { nameOption } from "../options.ts"

export function newKubectlCommand(): Command {
  return new Command("kubectl")
    .description("run kubectl against the cluster, whatever context is current")
    .addOption(nameOption())
    .argument("[args...]", "what kubectl is told")
    .passThroughOptions()
    .allowUnknownOption()
    .addHelpText("after", "\nOptions of ladya come first: ladya kubectl --name two get pods -A")
    .action(async (args: string[], options: { name: string }) => {
      const { clusterPaths } = await import("../../cluster/paths.ts")
      const { adminEntry } = await import("../../cluster/access.ts")
      const paths = clusterPaths(options.name)
      await adminEntry(paths)
      const kubectl = "kubectl"
      process.exitCode = await passThrough(kubectl, args, { ...process.env, KUBECONFIG: paths.adminKubeconfig })
    })
}

/** Runs a program on this terminal; gives its exit code. Signals of the terminal reach it by itself. */
function passThrough(program: string, args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  return new Promise((resolve, reject) => {
    const ignore = (): void => undefined
    process.on("SIGINT", ignore)
    const child = spawn(program, args, { stdio: "inherit", env })
    process.once("SIGTERM", () => child.kill("SIGTERM"))
    child.on("error", (error: NodeJS.ErrnoException) => {
      const missing = error.code === "ENOENT"
      reject(
        new LadyaError(missing ? "kubectl is not installed" : `cannot run kubectl: ${error.message}`, {
          hint: "install kubectl (any version from 1.27), or use your own with: ladya kubeconfig >FILE",
          exitCode: 127,
        }),
      )
    })
    child.on("close", (code, signal) => {
      process.off("SIGINT", ignore)
      resolve(code ?? (signal === "SIGINT" ? 130 : 143))
    })
  })
}
