import type { Pod } from "../pods/pod.ts"

export interface PodHostname {
  hostname: string
  /** Empty unless the pod has a subdomain. */
  domain: string
}

const longestHostname = 63
/** What the kernel keeps of a host name. */
const longestKernelHostname = 64

/** The pod's host name and, with a subdomain, its domain. Throws when a name would be too long for the kernel. */
export function podHostname(pod: Pod, clusterDomain: string): PodHostname {
  const spec = pod.spec
  if (spec?.hostnameOverride) return { hostname: spec.hostnameOverride, domain: "" }
  // A pod's name may be longer than a host name and may end, once cut, in what a host name must not.
  const hostname = spec?.hostname || (pod.metadata.name ?? "").slice(0, longestHostname).replace(/[-.]+$/, "")
  const domain = spec?.subdomain ? `${spec.subdomain}.${pod.metadata.namespace}.svc.${clusterDomain}` : ""
  if (!spec?.setHostnameAsFQDN || !domain) return { hostname, domain }
  const full = `${hostname}.${domain}`
  if (full.length > longestKernelHostname) {
    throw new Error(
      `failed to construct FQDN from pod hostname and cluster domain, FQDN ${full} is too long (${longestKernelHostname} characters is the max, ${full.length} characters requested)`,
    )
  }
  return { hostname: full, domain }
}

export interface HostsInput {
  hostname: PodHostname
  podIps: readonly string[]
  hostAliases: readonly { ip: string; hostnames?: readonly string[] }[]
  /** The node's own file, for pods in the node's network. */
  nodeHosts?: string
}

/** The text of a pod's /etc/hosts. */
export function hostsFile({ hostname, podIps, hostAliases, nodeHosts }: HostsInput): string {
  // Programs tell by this line whose file it is.
  const lines = [
    nodeHosts === undefined ? "# Kubernetes-managed hosts file." : "# Kubernetes-managed hosts file (host network).",
    ...(nodeHosts !== undefined ? [nodeHosts.trimEnd()] : ownHosts(hostname, podIps)),
  ]
  if (hostAliases.length > 0) {
    lines.push("", "# From the pod's hostAliases.")
    for (const { ip, hostnames = [] } of hostAliases) lines.push(`${ip}\t${hostnames.join("\t")}`)
  }
  return `${lines.join("\n")}\n`
}

function ownHosts({ hostname, domain }: PodHostname, podIps: readonly string[]): string[] {
  const names = domain ? `${hostname.includes(".") ? hostname : `${hostname}.${domain}`}\t${hostname}` : hostname
  return [
    "127.0.0.1\tlocalhost",
    "::1\tlocalhost ip6-localhost ip6-loopback",
    "fe00::0\tip6-localnet",
    "fe00::0\tip6-mcastprefix",
    "fe00::1\tip6-allnodes",
    "fe00::2\tip6-allrouters",
    ...podIps.map((ip) => `${ip}\t${names}`),
  ]
}
