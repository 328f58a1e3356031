import { X509Certificate } from "node:crypto"
import { readFile } from "node:fs/promises"
import { join } from "node:path"
import { type ClusterAccess, loadKubeconfig, newClient, newHttpsTransport, newInformerFactory } from "@ladya/client"
import { newCriClient } from "@ladya/cri"
import { newDns } from "@ladya/dns"
import { defaultReserved, newKubelet } from "@ladya/kubelet"
import { newNetwork } from "@ladya/network"
import { newProxy } from "@ladya/proxy"
import {
  type Component,
  ComponentGroup,
  errorMessage,
  type Logger,
  MetricsRegistry,
  newLogger,
  systemClock,
  systemRandom,
} from "@ladya/util"
import { LadyaError } from "../errors.ts"
import { containerdPaths } from "../machine/containerd.ts"
import { ensureHostNode, sharesMounts } from "../machine/host-node.ts"
import { detectHost } from "../system/host.ts"
import { newServerWait } from "./await-server.ts"
import { cluster } from "./cluster-facts.ts"
import { inMountsOf } from "./enter.ts"
import { machineAddress } from "./machine-address.ts"
import { parallel } from "./parallel.ts"
import { newPreloader } from "./preload.ts"
import { runUntilSignalled } from "./run.ts"

export interface AgentConfig {
  kubeconfig: string
  nodeName: string
  /** The first address of this machine that is not loopback unless told. */
  nodeAddress: string | undefined
  dataDirectory: string
  /** Undefined: the agent starts a containerd of its own, on this machine itself. */
  containerdSocket: string | undefined
  cgroupRoot: string
  certsDirectory: string | undefined
  /** Images that are to be on the node before any pod asks. */
  preload: readonly string[]
  logLevel: "debug" | "info" | "warn" | "error"
}

interface Runtime {
  socket: string
  cniDirectory: string
  ipamDirectory: string
}

/** Runs a node until it is told to stop: kubelet, pod network, Service proxy, cluster DNS. */
export async function runAgent(config: AgentConfig): Promise<void> {
  const log = newLogger({ level: config.logLevel })
  // What cannot work is said before anything is started.
  const access = readAccess(config.kubeconfig)
  const runtime = await findRuntime(config)
  // The agent goes on as another process, in the mount namespace of its containerd.
  if (runtime === undefined) return
  await runUntilSignalled(await newAgent(config, access, runtime, log), log)
}

/** Where containerd is. Undefined when this process must be, and has been, run again beside it. */
async function findRuntime(config: AgentConfig): Promise<Runtime | undefined> {
  if (config.containerdSocket !== undefined) {
    const { cniConfigDirectory } = containerdPaths(config.dataDirectory)
    return { socket: config.containerdSocket, cniDirectory: cniConfigDirectory, ipamDirectory: "/run/cni-ipam" }
  }
  const { dataDirectory, certsDirectory } = config
  const node = await ensureHostNode({ dataDirectory, certsDirectory, facts: detectHost() })
  if (!sharesMounts(node.holder)) {
    await inMountsOf(node.holder)
    return undefined
  }
  return { socket: node.socket, cniDirectory: node.cniConfigDirectory, ipamDirectory: node.ipamDirectory }
}

function readAccess(kubeconfig: string): ClusterAccess {
  try {
    return loadKubeconfig(kubeconfig)
  } catch (error) {
    throw new LadyaError(`cannot read the node's kubeconfig: ${errorMessage(error)}`, {
      hint: "name it with --kubeconfig; `ladya up` and a server with a node write one for each node",
    })
  }
}

/** Everything of one node as one component. */
export async function newAgent(
  config: AgentConfig,
  access: ClusterAccess,
  runtime: Runtime,
  log: Logger,
): Promise<Component> {
  const clock = systemClock
  const random = systemRandom
  const { nodeName, dataDirectory } = config
  const nodeAddress = config.nodeAddress ?? machineAddress()
  const transport = newHttpsTransport({ ...access, userAgent: "ladya-agent", clock, log })
  const client = newClient(transport)
  const informers = newInformerFactory({ client, clock, log })
  const cri = newCriClient({ socket: runtime.socket })
  const part = (component: string): Logger => log.child({ component })
  const kubelet = newKubelet({
    ...{ client, informers, cri, clock, random, log: part("kubelet") },
    config: {
      ...{ nodeName, dataDirectory, hostname: nodeName, nodeIps: [nodeAddress], cgroupRoot: config.cgroupRoot },
      cniDirectory: runtime.cniDirectory,
      cni: { bridge: "cni0", mtu: 1450, ipamDirectory: runtime.ipamDirectory },
      ...{ port: cluster.kubeletPort, maxPods: 110, reserved: defaultReserved, labels: {}, taints: [] },
      ...{ clusterDns: [cluster.dnsServiceAddress], clusterDomain: cluster.domain, resolvConf: "/etc/resolv.conf" },
      serving: await servingMaterial(config, access),
    },
    metrics: new MetricsRegistry(),
  })
  const network = newNetwork({
    ...{ informers, clock, log: part("network") },
    config: { nodeName, nodeAddress, clusterCIDR: cluster.podCIDR },
  })
  const proxy = newProxy({
    ...{ informers, clock, log: part("proxy") },
    config: { nodeName, clusterCIDR: cluster.podCIDR, serviceCIDR: cluster.serviceCIDR },
  })
  const dns = newDns({
    ...{ client, informers, clock, random, log: part("dns") },
    config: { nodeName, nodeAddress, port: cluster.dnsPort, clusterDomain: cluster.domain },
  })
  const preloader = newPreloader({ images: cri.images, names: config.preload, clock, log: part("preload") })
  const parts = parallel("agent", [informers, network, proxy, dns, kubelet, preloader], log)
  return new ComponentGroup("node", [newServerWait(transport, clock), parts], log)
}

/** The certificate that the node shows to the API server. It was issued for this node, together with its kubeconfig. */
async function servingMaterial(
  config: AgentConfig,
  access: ClusterAccess,
): Promise<{ certificate: string; key: string; clientCa: string }> {
  const directory = join(config.dataDirectory, "pki")
  const [certificate, key] = await Promise.all(
    ["kubelet.crt", "kubelet.key"].map((name) =>
      readFile(join(directory, name), "utf8").catch((error: Error) => {
        throw new LadyaError(`cannot read the node's serving certificate: ${error.message}`, {
          hint: `put kubelet.crt and kubelet.key, signed by the cluster's authority, into ${directory}`,
        })
      }),
    ),
  )
  if (certificate === undefined || key === undefined || access.ca === undefined) {
    throw new LadyaError(`${config.kubeconfig} has no certificate authority`)
  }
  if (Date.parse(new X509Certificate(certificate).validTo) < systemClock.now()) {
    throw new LadyaError(`${directory}/kubelet.crt has expired`, { hint: "ladya up issues a new one" })
  }
  return { certificate, key, clientCa: String(access.ca) }
}
