import { mkdir, readFile, rename, writeFile } from "node:fs/promises"
import { join } from "node:path"

export interface CniOptions {
  /** The Node's pod ranges, IPv4 and IPv6. */
  podCIDRs: readonly string[]
  bridge: string
  /** The largest packet, tunnel header taken off. */
  mtu: number
  /** Where addresses in use are noted; gone after a reboot, as the pods are. */
  ipamDirectory: string
}

export const cniFileName = "10-ladya.conflist"

/** The CNI configuration of pods: a bridge on the node, addresses from the node's ranges, host ports. */
export function planCni(options: CniOptions): object {
  const hasIPv6 = options.podCIDRs.some((range) => range.includes(":"))
  const hasIPv4 = options.podCIDRs.some((range) => !range.includes(":"))
  return {
    cniVersion: "0.4.0",
    name: "ladya",
    plugins: [
      {
        type: "bridge",
        bridge: options.bridge,
        isGateway: true,
        // Traffic that leaves the cluster is masqueraded by the node's network, pod traffic never.
        ipMasq: false,
        hairpinMode: true,
        mtu: options.mtu,
        ipam: {
          type: "host-local",
          dataDir: options.ipamDirectory,
          ranges: options.podCIDRs.map((subnet) => [{ subnet }]),
          routes: [...(hasIPv4 ? [{ dst: "0.0.0.0/0" }] : []), ...(hasIPv6 ? [{ dst: "::/0" }] : [])],
        },
      },
      { type: "portmap", capabilities: { portMappings: true }, snat: true },
    ],
  }
}

/** Writes the configuration when it differs; the runtime reads it anew by itself. Returns whether it was written. */
export async function writeCni(directory: string, options: CniOptions): Promise<boolean> {
  const text = `${JSON.stringify(planCni(options), undefined, 2)}\n`
  const path = join(directory, cniFileName)
  if ((await readFile(path, "utf8").catch(() => "")) === text) return false
  await mkdir(directory, { recursive: true, mode: 0o700 })
  // A name that the runtime does not read, then a rename: it never sees half a file.
  await writeFile(`${path}.tmp`, text, { mode: 0o600 })
  await rename(`${path}.tmp`, path)
  return true
}
