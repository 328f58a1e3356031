import type { StatsSampler } from "./sampler.ts"

interface Family {
  help: string
  type: "counter" | "gauge"
  lines: string[]
}

const families = {
  container_cpu_usage_seconds_total: ["counter", "CPU time the container has used, in core-seconds"],
  container_memory_working_set_bytes: ["gauge", "Memory the container holds that cannot be dropped, in bytes"],
  container_start_time_seconds: ["gauge", "When the container started, in seconds since the epoch"],
  node_cpu_usage_seconds_total: ["counter", "CPU time the node has used, in core-seconds"],
  node_memory_working_set_bytes: ["gauge", "Memory the node holds that cannot be dropped, in bytes"],
  pod_cpu_usage_seconds_total: ["counter", "CPU time the pod has used, in core-seconds"],
  pod_memory_working_set_bytes: ["gauge", "Memory the pod holds that cannot be dropped, in bytes"],
  resource_scrape_error: ["gauge", "1 when some of the figures could not be had, otherwise 0"],
} as const

type FamilyName = keyof typeof families

/** What `/metrics/resource` answers: cumulative figures with their times, as metrics-server reads them. */
export async function resourceMetrics(sampler: StatsSampler): Promise<string> {
  const found = new Map<FamilyName, Family>()
  const add = (name: FamilyName, labels: string, value: number, timeMs?: number): void => {
    const [type, help] = families[name]
    const family = found.get(name) ?? { type, help, lines: [] }
    found.set(name, family)
    family.lines.push(`${name}${labels} ${value}${timeMs === undefined ? "" : ` ${Math.round(timeMs)}`}`)
  }
  const [node, pods] = await Promise.all([sampler.node(), sampler.pods({ network: false })])
  add("node_cpu_usage_seconds_total", "", node.sample.usage.cpuNanoseconds / 1e9, node.sample.timeMs)
  add("node_memory_working_set_bytes", "", node.sample.usage.workingSetBytes, node.sample.timeMs)
  for (const { pod, sample, containers } of pods) {
    // Names are of characters that need no escapes.
    const labels = `namespace="${pod.metadata.namespace}",pod="${pod.metadata.name}"`
    for (const container of containers) {
      const own = `{container="${container.name}",${labels}}`
      const { usage, timeMs } = container.sample
      add("container_cpu_usage_seconds_total", own, usage.cpuNanoseconds / 1e9, timeMs)
      add("container_memory_working_set_bytes", own, usage.workingSetBytes, timeMs)
      const startedAt = Date.parse(container.startedAt ?? "")
      if (!Number.isNaN(startedAt)) add("container_start_time_seconds", own, startedAt / 1000)
    }
    if (!sample) continue
    add("pod_cpu_usage_seconds_total", `{${labels}}`, sample.usage.cpuNanoseconds / 1e9, sample.timeMs)
    add("pod_memory_working_set_bytes", `{${labels}}`, sample.usage.workingSetBytes, sample.timeMs)
  }
  add("resource_scrape_error", "", 0)
  const names = [...found.keys()].sort()
  return names
    .map((name) => {
      const { help, type, lines } = found.get(name) as Family
      return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join("\n")}\n`
    })
    .join("")
}
