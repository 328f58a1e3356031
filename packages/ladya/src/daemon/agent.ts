import { loadKubeconfig, newClient, newHttpsTransport, newInformerFactory } from "@ladya/client"
import { newDns } from "@ladya/dns"
import { newNetwork } from "@ladya/network"
import { newProxy } from "@ladya/proxy"
import { ComponentGroup, newLogger, systemClock, systemRandom } from "@ladya/util"
import { cluster } from "./cluster-facts.ts"
import { parallel } from "./parallel.ts"
import { runUntilSignalled } from "./run.ts"

export interface AgentConfig {
  kubeconfig: string
  nodeName: string
  nodeAddress: string | undefined
  dataDirectory: string
  /** Undefined: the agent starts a containerd of its own. */
  containerdSocket: string | undefined
  cgroupRoot: string
  certsDirectory: string | undefined
  logLevel: "debug" | "info" | "warn" | "error"
}

/** Runs a node until it is told to stop: kubelet, pod network, Service proxy, cluster DNS. */
export async function runAgent(config: AgentConfig): Promise<void> {
  const log = newLogger({ level: config.logLevel })
  const clock = systemClock
  const random = systemRandom
  const transport = newHttpsTransport({ ...loadKubeconfig(config.kubeconfig), userAgent: "ladya-agent", clock, log })
  const client = newClient(transport)
  const informers = newInformerFactory({ client, clock, log })
  const { nodeName } = config
  const nodeAddress = config.nodeAddress ?? ""
  const shared = { client, informers, clock, random }
  const network = newNetwork({
    ...{ informers, clock, log: log.child({ component: "network" }) },
    config: { nodeName, nodeAddress, clusterCIDR: cluster.podCIDR },
  })
  const proxy = newProxy({
    ...{ informers, clock, log: log.child({ component: "proxy" }) },
    config: { nodeName, clusterCIDR: cluster.podCIDR, serviceCIDR: cluster.serviceCIDR },
  })
  const dns = newDns({
    ...shared,
    log: log.child({ component: "dns" }),
    config: { nodeName, nodeAddress, port: cluster.dnsPort, clusterDomain: cluster.domain },
  })
  const agent = new ComponentGroup("agent", [parallel("node", [informers, network, proxy, dns], log)], log)
  await runUntilSignalled(agent, log)
}
