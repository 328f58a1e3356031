import type { Answer } from "dns-packet"
import { isIPv6, type RecordIndex, type ServiceRecords } from "./records.ts"

/** What the cluster's zone says to one question. */
export type ZoneAnswer =
  | { kind: "records"; answers: Answer[]; additionals: Answer[] }
  /** The name exists, but not with this type: an empty answer with the zone's SOA. */
  | { kind: "nodata" }
  | { kind: "nxdomain" }
  /** Not the zone's business. */
  | { kind: "foreign" }
  /** The name is an alias of a foreign name: that is to be looked up and added. */
  | { kind: "alias"; answers: Answer[]; target: string }

export interface ZoneOptions {
  /** The cluster's domain, such as `cluster.local`. */
  domain: string
  /** Seconds clients may keep an answer. */
  ttl: number
}

const schemaVersion = "1.1.0"

function addresses(name: string, ips: readonly string[], type: string, ttl: number): Answer[] {
  const wanted = type === "AAAA" ? ips.filter(isIPv6) : ips.filter((ip) => !isIPv6(ip))
  return wanted.map((data) => ({ type: type as "A" | "AAAA", name, ttl, data }))
}

function serviceAnswer(name: string, type: string, records: ServiceRecords, options: ZoneOptions): ZoneAnswer {
  const { ttl } = options
  if (records.externalName !== undefined) {
    const alias: Answer = { type: "CNAME", name, ttl, data: records.externalName }
    if (type === "CNAME") return { kind: "records", answers: [alias], additionals: [] }
    return { kind: "alias", answers: [alias], target: records.externalName }
  }
  const ips = records.endpoints?.map((endpoint) => endpoint.ip) ?? records.clusterIPs
  // A headless Service without ready endpoints has no name, as the DNS specification of Kubernetes has it.
  if (records.endpoints?.length === 0) return { kind: "nxdomain" }
  if (type === "SRV") return srvAnswer(name, "*", "*", records, options)
  if (type !== "A" && type !== "AAAA") return { kind: "nodata" }
  const answers = addresses(name, ips, type, ttl)
  return answers.length > 0 ? { kind: "records", answers, additionals: [] } : { kind: "nodata" }
}

function srvAnswer(
  name: string,
  port: string,
  protocol: string,
  records: ServiceRecords,
  options: ZoneOptions,
): ZoneAnswer {
  const { ttl } = options
  const base = `${records.name}.${records.namespace}.svc.${options.domain}`
  const answers: Answer[] = []
  const additionals: Answer[] = []
  const targets = records.endpoints
    ? records.endpoints.map((endpoint) => ({
        target: `${endpoint.label}.${base}`,
        ips: [endpoint.ip],
        ports: endpoint.ports,
      }))
    : [{ target: base, ips: records.clusterIPs, ports: records.ports }]
  for (const { target, ips, ports } of targets) {
    const matching = ports.filter(
      (entry) =>
        entry.name !== "" && (port === "*" || entry.name === port) && (protocol === "*" || entry.protocol === protocol),
    )
    for (const entry of matching) {
      answers.push({ type: "SRV", name, ttl, data: { port: entry.port, weight: 100, priority: 0, target } })
    }
    if (matching.length > 0) {
      additionals.push(...addresses(target, ips, "A", ttl), ...addresses(target, ips, "AAAA", ttl))
    }
  }
  if (answers.length === 0) return port === "*" ? { kind: "nodata" } : { kind: "nxdomain" }
  return { kind: "records", answers, additionals }
}

function svcAnswer(
  labels: readonly string[],
  name: string,
  type: string,
  index: RecordIndex,
  options: ZoneOptions,
): ZoneAnswer {
  const namespace = labels.at(-1)
  if (namespace === undefined) return { kind: "nodata" }
  const service = labels.at(-2)
  if (service === undefined) return index.hasNamespace(namespace) ? { kind: "nodata" } : { kind: "nxdomain" }
  const records = index.get(namespace, service)
  if (!records) return { kind: "nxdomain" }
  const rest = labels.slice(0, -2)
  if (rest.length === 0) return serviceAnswer(name, type, records, options)
  if (rest.length === 2 && rest[0]?.startsWith("_") && rest[1]?.startsWith("_")) {
    const result = srvAnswer(name, rest[0].slice(1), rest[1].slice(1), records, options)
    return type === "SRV" || result.kind !== "records" ? result : { kind: "nodata" }
  }
  if (rest.length === 1 && rest[0]?.startsWith("_")) {
    const known = (records.endpoints?.flatMap((endpoint) => endpoint.ports) ?? records.ports).some(
      (port) => `_${port.protocol}` === rest[0],
    )
    return known ? { kind: "nodata" } : { kind: "nxdomain" }
  }
  if (rest.length === 1) {
    const matching = records.endpoints?.filter((endpoint) => endpoint.label === rest[0]) ?? []
    if (matching.length === 0) return { kind: "nxdomain" }
    if (type !== "A" && type !== "AAAA") return { kind: "nodata" }
    const answers = addresses(
      name,
      matching.map((endpoint) => endpoint.ip),
      type,
      options.ttl,
    )
    return answers.length > 0 ? { kind: "records", answers, additionals: [] } : { kind: "nodata" }
  }
  return { kind: "nxdomain" }
}

/** `10-244-1-5.default.pod.cluster.local`: the address is in the name itself. */
function podAnswer(labels: readonly string[], name: string, type: string, ttl: number): ZoneAnswer {
  if (labels.length !== 2) return labels.length < 2 ? { kind: "nodata" } : { kind: "nxdomain" }
  const label = labels[0] as string
  const v4 = /^\d{1,3}(-\d{1,3}){3}$/.test(label) ? label.replaceAll("-", ".") : undefined
  if (!v4 || v4.split(".").some((part) => Number(part) > 255)) return { kind: "nxdomain" }
  return type === "A"
    ? { kind: "records", answers: addresses(name, [v4], type, ttl), additionals: [] }
    : { kind: "nodata" }
}

/**
 * Answers one question from the cluster's zone: the DNS-based service discovery of Kubernetes, version 1.1.0.
 * `question` is as the client wrote it; names compare without case, and answers carry the client's spelling.
 */
export function answerQuestion(question: string, type: string, index: RecordIndex, options: ZoneOptions): ZoneAnswer {
  const name = question.toLowerCase().replace(/\.$/, "")
  if (name.endsWith(".in-addr.arpa") || name.endsWith(".ip6.arpa")) {
    const names = index.names(name)
    if (names.length === 0) return { kind: "foreign" }
    if (type !== "PTR") return { kind: "nodata" }
    return {
      kind: "records",
      answers: names.map((data) => ({ type: "PTR", name: question, ttl: options.ttl, data })),
      additionals: [],
    }
  }
  const { domain } = options
  if (name !== domain && !name.endsWith(`.${domain}`)) return { kind: "foreign" }
  const labels = name === domain ? [] : name.slice(0, -domain.length - 1).split(".")
  switch (labels.at(-1)) {
    case undefined:
      return { kind: "nodata" }
    case "svc":
      return svcAnswer(labels.slice(0, -1), question, type, index, options)
    case "pod":
      return podAnswer(labels.slice(0, -1), question, type, options.ttl)
    case "dns-version":
      if (labels.length !== 1) return { kind: "nxdomain" }
      if (type !== "TXT") return { kind: "nodata" }
      return {
        kind: "records",
        answers: [{ type: "TXT", name: question, ttl: options.ttl, data: schemaVersion }],
        additionals: [],
      }
    default:
      return { kind: "nxdomain" }
  }
}
