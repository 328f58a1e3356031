import { run } from "@ladya/util"
import { type NetworkNode, type NetworkPlan, type OwnLink, tunnelAddress, tunnelMac } from "./plan.ts"

/** Marks our routes, so that no other's is ever touched (rtnetlink's rtm_protocol). */
export const routeProtocol = 210
export const tunnelDevice = "ladya-vxlan"
const vni = 1
const port = 8472
/** 50 bytes less than Ethernet's, for the tunnel's headers. */
export const tunnelMtu = 1450

interface RouteEntry {
  dst: string
  gateway?: string
  dev?: string
}

interface AddressEntry {
  ifname: string
  addr_info: { family: string; local: string; prefixlen: number }[]
}

async function json<T>(program: string, args: readonly string[]): Promise<T> {
  const text = await run(program, ["-j", ...args])
  return (text.trim() ? JSON.parse(text) : []) as T
}

/** Finds the interface that has this address. */
export async function findLink(address: string): Promise<OwnLink & { device: string }> {
  const links = await json<AddressEntry[]>("ip", ["-4", "addr", "show"])
  for (const link of links) {
    const found = link.addr_info.find((entry) => entry.local === address)
    if (found) return { address, prefixLength: found.prefixlen, device: link.ifname }
  }
  throw new Error(`no interface has the node's address ${address}: give the address of one with --node-ip`)
}

/** Makes or mends this node's end of the tunnel. */
export async function ensureTunnel(self: NetworkNode, device: string): Promise<void> {
  const wanted = { mac: tunnelMac(self.podCIDR), address: tunnelAddress(self.podCIDR) }
  const links = await json<{ ifname: string; address: string; linkinfo?: { info_data?: { local?: string } } }[]>("ip", [
    "-d",
    "link",
    "show",
    "type",
    "vxlan",
  ])
  const existing = links.find((link) => link.ifname === tunnelDevice)
  const right = existing?.address === wanted.mac && existing.linkinfo?.info_data?.local === self.address
  const lines: string[] = []
  if (existing && !right) lines.push(`link del ${tunnelDevice}`)
  if (!right) {
    lines.push(
      `link add ${tunnelDevice} address ${wanted.mac} type vxlan id ${vni} local ${self.address} dev ${device} dstport ${port} nolearning`,
    )
  }
  lines.push(`addr replace ${wanted.address}/32 dev ${tunnelDevice}`, `link set ${tunnelDevice} mtu ${tunnelMtu} up`)
  await run("ip", ["-batch", "-"], `${lines.join("\n")}\n`)
}

export async function removeTunnel(): Promise<void> {
  const links = await json<{ ifname: string }[]>("ip", ["link", "show", "type", "vxlan"])
  if (links.some((link) => link.ifname === tunnelDevice)) await run("ip", ["link", "del", tunnelDevice])
}

async function applyTunnels(plan: NetworkPlan): Promise<void> {
  const neighbours = await json<{ dst: string; lladdr?: string }[]>("ip", [
    "neigh",
    "show",
    "dev",
    tunnelDevice,
    "nud",
    "permanent",
  ])
  const entries = await json<{ mac: string; dst?: string }[]>("bridge", ["fdb", "show", "dev", tunnelDevice])
  const ip: string[] = []
  const bridge: string[] = []
  for (const { dst, lladdr } of neighbours) {
    if (lladdr && plan.tunnels.get(lladdr)?.gateway === dst) continue
    ip.push(`neigh del ${dst} dev ${tunnelDevice}`)
  }
  for (const { mac, dst } of entries) {
    if (!dst || plan.tunnels.get(mac)?.nodeAddress === dst) continue
    bridge.push(`fdb del ${mac} dev ${tunnelDevice} dst ${dst}`)
  }
  for (const [mac, { nodeAddress, gateway }] of plan.tunnels) {
    if (!neighbours.some((entry) => entry.dst === gateway && entry.lladdr === mac)) {
      ip.push(`neigh replace ${gateway} lladdr ${mac} dev ${tunnelDevice} nud permanent`)
    }
    if (!entries.some((entry) => entry.mac === mac && entry.dst === nodeAddress)) {
      bridge.push(`fdb append ${mac} dev ${tunnelDevice} dst ${nodeAddress}`)
    }
  }
  if (ip.length > 0) await run("ip", ["-batch", "-"], `${ip.join("\n")}\n`)
  if (bridge.length > 0) await run("bridge", ["-batch", "-"], `${bridge.join("\n")}\n`)
}

/** Makes the kernel's routes and tunnel entries those of the plan, writing only what differs. */
export async function applyPlan(
  self: NetworkNode,
  link: OwnLink & { device: string },
  plan: NetworkPlan,
): Promise<void> {
  const usesTunnel = plan.tunnels.size > 0
  if (usesTunnel) {
    await ensureTunnel(self, link.device)
    await applyTunnels(plan)
  }
  const routes = await json<RouteEntry[]>("ip", ["-4", "route", "show", "proto", String(routeProtocol)])
  const lines: string[] = []
  for (const route of routes) {
    if (!plan.routes.has(route.dst)) lines.push(`route del ${route.dst} proto ${routeProtocol}`)
  }
  for (const [destination, { via, device }] of plan.routes) {
    const name = device === "vxlan" ? tunnelDevice : link.device
    if (routes.some((route) => route.dst === destination && route.gateway === via && route.dev === name)) continue
    lines.push(
      `route replace ${destination} via ${via} dev ${name} ${device === "vxlan" ? "onlink " : ""}proto ${routeProtocol}`,
    )
  }
  if (lines.length > 0) await run("ip", ["-batch", "-"], `${lines.join("\n")}\n`)
  if (!usesTunnel) await removeTunnel()
}

export const networkTable = "ladya-network"

/** Gives pods that leave the cluster's addresses the node's address as source. */
export async function applyMasquerade(clusterCIDR: string): Promise<void> {
  await run(
    "nft",
    ["-f", "-"],
    `table ip ${networkTable}
delete table ip ${networkTable}
table ip ${networkTable} {
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr ${clusterCIDR} ip daddr != ${clusterCIDR} ip daddr != 224.0.0.0/4 masquerade
  }
  chain forward {
    type filter hook forward priority filter; policy accept;
    ip saddr ${clusterCIDR} accept
    ip daddr ${clusterCIDR} accept
  }
}
`,
  )
}

/** Takes away all that this package put into the kernel. */
export async function removeNetwork(): Promise<void> {
  const routes = await json<RouteEntry[]>("ip", ["-4", "route", "show", "proto", String(routeProtocol)])
  const lines = routes.map((route) => `route del ${route.dst} proto ${routeProtocol}\n`)
  if (lines.length > 0) await run("ip", ["-batch", "-"], lines.join(""))
  await removeTunnel()
  await run("nft", ["-f", "-"], `table ip ${networkTable}\ndelete table ip ${networkTable}\n`)
}
