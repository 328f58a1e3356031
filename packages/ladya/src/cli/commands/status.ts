import { Command } from "commander"
import { nameOption, outputOption } from "../options.ts"
import { print, table } from "../output.ts"

export function newStatusCommand(): Command {
  return new Command("status")
    .description("show a cluster's API server, processes and nodes")
    .addOption(nameOption())
    .addOption(outputOption())
    .action(async (options: { name: string; output?: string }) => {
      const { clusterPaths } = await import("../../cluster/paths.ts")
      const { clusterStatus } = await import("../../cluster/status.ts")
      const status = await clusterStatus(clusterPaths(options.name))
      if (options.output === "json") {
        print(JSON.stringify(status, undefined, 2))
        return
      }
      print(`API server   ${status.apiServer}   ${status.version ?? "does not answer"}`)
      print(`kubeconfig   ${status.kubeconfig}`)
      const nodes = status.nodes.map((node) => [
        node.name,
        node.ready ? "Ready" : "NotReady",
        node.podCIDR,
        node.address,
      ])
      print(`\n${table(["NODE", "STATUS", "PODS", "ADDRESS"], nodes)}`)
      const processes = status.processes.map(({ name, pid, rssBytes, cpuSeconds }) => [
        name,
        String(pid),
        `${Math.round(rssBytes / 2 ** 20)} MiB`,
        `${cpuSeconds.toFixed(1)} s`,
      ])
      print(`\n${table(["PROCESS", "PID", "MEMORY", "CPU"], processes)}`)
    })
}
