import type { corev1 } from "@ladya/api"
import type { DnsConfig } from "@ladya/cri"
import { isHostNetwork, type Pod } from "../pods/pod.ts"

export interface ResolverFacts {
  /** The cluster's DNS servers; empty when it has none. */
  clusterDns: readonly string[]
  /** `cluster.local` */
  clusterDomain: string
  /** The node's own resolver configuration. */
  node: Required<DnsConfig>
}

/** What a resolv.conf says; of several `search` lines the last counts. */
export function parseResolvConf(text: string): Required<DnsConfig> {
  const result: Required<DnsConfig> = { servers: [], searches: [], options: [] }
  for (const line of text.split("\n")) {
    const [word, ...rest] = line
      .replace(/[#;].*$/, "")
      .trim()
      .split(/\s+/)
    if (word === "nameserver" && rest[0]) result.servers.push(rest[0])
    else if (word === "search")
      result.searches = rest.map((domain) => (domain === "." ? "." : domain.replace(/\.$/, "")))
    else if (word === "options") result.options = rest
  }
  return result
}

const unique = (items: readonly string[]): string[] => [...new Set(items)]

/** Options by name, later ones replacing earlier ones, in the order of their first mention. */
function mergeOptions(base: readonly string[], more: readonly corev1.PodDNSConfigOption[]): string[] {
  const options = new Map(base.map((option) => [option.split(":")[0] as string, option]))
  for (const { name, value } of more) if (name) options.set(name, value ? `${name}:${value}` : name)
  return [...options.values()]
}

function policyConfig(pod: Pod, facts: ResolverFacts): Required<DnsConfig> {
  const policy = pod.spec?.dnsPolicy ?? "ClusterFirst"
  if (policy === "None") return { servers: [], searches: [], options: [] }
  const cluster = policy === "ClusterFirstWithHostNet" || (policy === "ClusterFirst" && !isHostNetwork(pod))
  if (!cluster || facts.clusterDns.length === 0) return facts.node
  const { clusterDomain } = facts
  const searches = [`${pod.metadata.namespace}.svc.${clusterDomain}`, `svc.${clusterDomain}`, clusterDomain]
  return {
    servers: [...facts.clusterDns],
    searches: unique([...searches, ...facts.node.searches]),
    options: ["ndots:5"],
  }
}

/** The resolver configuration of a pod, by its dnsPolicy and dnsConfig. */
export function podDns(pod: Pod, facts: ResolverFacts): DnsConfig {
  const base = policyConfig(pod, facts)
  const own = pod.spec?.dnsConfig
  return {
    servers: unique([...base.servers, ...(own?.nameservers ?? [])]).slice(0, 3),
    searches: unique([...base.searches, ...(own?.searches ?? [])]).slice(0, 32),
    options: mergeOptions(base.options, own?.options ?? []),
  }
}
