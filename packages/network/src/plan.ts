/** A node as the network sees it. */
export interface NetworkNode {
  name: string
  /** Its IPv4 address on the link between nodes. */
  address: string
  /** The IPv4 addresses of its pods, such as `10.244.1.0/24`. */
  podCIDR: string
}

/** Routes by destination, and for the overlay who is behind which tunnel address. */
export interface NetworkPlan {
  routes: Map<string, { via: string; device: "vxlan" | "link" }>
  /** Tunnel peers by their link-layer address. */
  tunnels: Map<string, { nodeAddress: string; gateway: string }>
}

/** Address and mask of this node's own link, such as 172.30.0.11/24. */
export interface OwnLink {
  address: string
  prefixLength: number
}

export function addressNumber(address: string): number {
  return address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0)
}

export function sameSubnet(a: string, b: string, prefixLength: number): boolean {
  const size = 2 ** (32 - prefixLength)
  return Math.floor(addressNumber(a) / size) === Math.floor(addressNumber(b) / size)
}

/** The address of a node's end of the tunnel: the first one of its pod range, which no pod gets. */
export function tunnelAddress(podCIDR: string): string {
  return podCIDR.split("/")[0] as string
}

/** The link-layer address of a node's end of the tunnel. Made from its pod range, so that nobody needs to publish it. */
export function tunnelMac(podCIDR: string): string {
  const bytes = tunnelAddress(podCIDR)
    .split(".")
    .map((part) => Number(part).toString(16).padStart(2, "0"))
  return `0a:58:${bytes.join(":")}`
}

/** How pods of the other nodes are reached: straight where both are on one link, through VXLAN (RFC 7348) elsewhere. */
export function planNetwork(self: NetworkNode, link: OwnLink, others: readonly NetworkNode[]): NetworkPlan {
  const plan: NetworkPlan = { routes: new Map(), tunnels: new Map() }
  for (const other of others) {
    if (other.name === self.name || other.podCIDR === self.podCIDR) continue
    if (sameSubnet(other.address, link.address, link.prefixLength)) {
      plan.routes.set(other.podCIDR, { via: other.address, device: "link" })
      continue
    }
    const gateway = tunnelAddress(other.podCIDR)
    plan.routes.set(other.podCIDR, { via: gateway, device: "vxlan" })
    plan.tunnels.set(tunnelMac(other.podCIDR), { nodeAddress: other.address, gateway })
  }
  return plan
}
