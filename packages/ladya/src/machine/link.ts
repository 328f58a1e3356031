import { LadyaError } from "../errors.ts"
import { run, runOk } from "../system/exec.ts"

/** The link of one cluster on this machine: a bridge, its addresses, and the way out through this machine. */
export interface ClusterLink {
  number: number
  bridge: string
  /** `172.30.<N>.0/24` */
  subnet: string
  /** The bridge's own address. */
  gateway: string
  prefixLength: number
  /** The nftables table that lets the nodes out into the world. */
  table: string
}

export function clusterLink(number: number): ClusterLink {
  return {
    number,
    bridge: `ladya${number}`,
    subnet: `172.30.${number}.0/24`,
    gateway: `172.30.${number}.1`,
    prefixLength: 24,
    table: `ladya${number}`,
  }
}

/** The address of node number `index` (from 1) on the link. */
export function nodeAddress(link: ClusterLink, index: number): string {
  return `172.30.${link.number}.${10 + index}`
}

interface IpLink {
  ifname: string
  ifalias?: string
}

/** Names a bridge's owner, so that no cluster takes another's. */
const aliasOf = (owner: string): string => `ladya:${owner}`

async function bridges(): Promise<IpLink[]> {
  const text = await runOk("ip", ["-json", "-details", "link", "show", "type", "bridge"])
  return text.trim() === "" ? [] : (JSON.parse(text) as IpLink[])
}

async function usedSubnets(): Promise<Set<number>> {
  const text = await runOk("ip", ["-4", "route", "show", "table", "all"])
  return new Set([...text.matchAll(/\b172\.30\.(\d+)\.\d+/g)].map((match) => Number(match[1])))
}

/**
 * Makes the cluster's link, or finds the one it has. `owner` is the cluster's directory; `wanted` the number it had before.
 * The kernel gives each name once, so that two clusters starting together cannot get the same number.
 */
export async function ensureLink(owner: string, wanted: number | undefined): Promise<ClusterLink> {
  const existing = await bridges()
  const own = existing.find((link) => link.ifalias === aliasOf(owner) && /^ladya\d+$/.test(link.ifname))
  if (own) {
    const link = clusterLink(Number(own.ifname.slice("ladya".length)))
    await configure(link)
    return link
  }
  const used = await usedSubnets()
  const candidates = [...(wanted === undefined ? [] : [wanted]), ...Array.from({ length: 255 }, (_, number) => number)]
  for (const number of candidates) {
    const link = clusterLink(number)
    if (used.has(number) || existing.some((other) => other.ifname === link.bridge)) continue
    const added = await run("ip", ["link", "add", link.bridge, "type", "bridge"])
    if (added.code !== 0) {
      if (/File exists/.test(added.stderr)) continue
      throw new LadyaError(`cannot make the bridge ${link.bridge}: ${added.stderr.trim()}`, {
        hint: "the kernel needs bridge and veth support; ladya must run as root",
      })
    }
    await runOk("ip", ["link", "set", link.bridge, "alias", aliasOf(owner)])
    await configure(link)
    return link
  }
  throw new LadyaError("no free network of 172.30.0.0/16 is left for this cluster", {
    hint: "end clusters you do not need: ladya down --name NAME",
  })
}

async function configure(link: ClusterLink): Promise<void> {
  const device = [`addr replace ${link.gateway}/${link.prefixLength} dev ${link.bridge}`, `link set ${link.bridge} up`]
  await Promise.all([
    runOk("ip", ["-batch", "-"], { input: `${device.join("\n")}\n` }),
    runOk("nft", ["-f", "-"], { input: natRules(link) }),
    allowForwarding(link, "-I"),
  ])
}

function natRules(link: ClusterLink): string {
  return `table ip ${link.table}
delete table ip ${link.table}
table ip ${link.table} {
  chain postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    ip saddr ${link.subnet} oifname != "${link.bridge}" masquerade
  }
}
`
}

/** Where another program has set the forward policy to drop (Docker does), the nodes' traffic must be let through by name. */
async function allowForwarding(link: ClusterLink, action: "-I" | "-D"): Promise<void> {
  const policy = await run("iptables", ["-w", "-S", "FORWARD"])
  if (policy.code !== 0) return
  if (action === "-I" && !policy.stdout.includes("-P FORWARD DROP")) return
  for (const direction of ["-i", "-o"]) {
    const rule = ["FORWARD", direction, link.bridge, "-j", "ACCEPT"]
    const present = policy.stdout.includes(`-A ${rule.join(" ")}`)
    if (present === (action === "-D")) await run("iptables", ["-w", action, ...rule])
  }
}

/** Takes the link away, with everything that hangs on it. Does nothing when it is gone or another's. */
export async function removeLink(owner: string, link: ClusterLink): Promise<void> {
  const own = (await bridges()).find((other) => other.ifname === link.bridge)
  if (own && own.ifalias !== aliasOf(owner)) return
  await allowForwarding(link, "-D")
  await run("nft", ["delete", "table", "ip", link.table])
  if (own) await runOk("ip", ["link", "delete", link.bridge])
}

/** The directories of all clusters that are on this machine now, whoever's. */
export async function clusterOwners(): Promise<string[]> {
  const prefix = aliasOf("")
  return (await bridges()).flatMap(({ ifalias = "" }) =>
    ifalias.startsWith(prefix) ? [ifalias.slice(prefix.length)] : [],
  )
}

/** Whether any cluster of anyone is left on this machine. */
export async function hasAnyLink(): Promise<boolean> {
  return (await clusterOwners()).length > 0
}
