import { Command } from "commander"
import { collect, logLevelOption } from "../options.ts"

interface AgentCommandOptions {
  kubeconfig?: string
  nodeName?: string
  nodeIp?: string
  dataDir?: string
  containerd?: string
  cgroupRoot?: string
  certsDir?: string
  preload: string[]
  end: boolean
  logLevel: "debug" | "info" | "warn" | "error"
}

export function newAgentCommand(): Command {
  return new Command("agent")
    .description("run one node in the foreground: kubelet, pod network, Service proxy, cluster DNS")
    .option("--kubeconfig <file>", "the node's kubeconfig, with its client certificate (DIR/kubeconfig)")
    .option("--node-name <name>", "the node's name (the machine's host name)")
    .option("--node-ip <address>", "the node's address (the one its default route uses)")
    .option("--data-dir <dir>", "the node's own directory (LADYA_HOME/agent)")
    .option("--containerd <socket>", "use this containerd, instead of starting one of its own")
    .option("--cgroup-root <path>", "the cgroup that pods are put below (/ladya)")
    .option("--certs-dir <dir>", "containerd's registry hosts directory (DIR/containerd/certs.d)")
    .option("--preload <image>", "an image to have before any pod asks; several times", collect, [])
    .option("--end", "end the node of --data-dir instead: its containers, links, rules and cgroups", false)
    .addOption(logLevelOption())
    .addHelpText("after", "\nSIGTERM ends it in good order, a second signal at once; containers go on either way.")
    .action(async (options: AgentCommandOptions) => {
      const { runAgent } = await import("../../daemon/agent.ts")
      const { ladyaHome } = await import("../../cluster/paths.ts")
      const { hostname } = await import("node:os")
      const { resolve } = await import("node:path")
      const dataDirectory = resolve(options.dataDir ?? `${ladyaHome()}/agent`)
      const cgroupRoot = options.cgroupRoot ?? "/ladya"
      if (options.end) {
        const { endHostNode } = await import("../../machine/end-host-node.ts")
        const { detectHost } = await import("../../system/host.ts")
        await endHostNode({ dataDirectory, cgroupRoot, facts: detectHost() })
        return
      }
      await runAgent({
        kubeconfig: resolve(options.kubeconfig ?? `${dataDirectory}/kubeconfig`),
        nodeName: options.nodeName ?? hostname().toLowerCase(),
        nodeAddress: options.nodeIp,
        dataDirectory,
        containerdSocket: options.containerd,
        cgroupRoot,
        certsDirectory: options.certsDir,
        preload: options.preload,
        logLevel: options.logLevel,
      })
    })
}
