import { readdirSync } from "node:fs"
import type { Clock } from "./clock.ts"
import type { MetricsRegistry } from "./metrics.ts"

/** What this process uses, by the names that Prometheus knows. */
export function addProcessMetrics(registry: MetricsRegistry, clock: Clock): void {
  const cpu = registry.counter("process_cpu_seconds_total", "CPU time the process has used, in seconds")
  const resident = registry.gauge("process_resident_memory_bytes", "Memory the process holds, in bytes")
  const files = registry.gauge("process_open_fds", "Open file descriptors")
  const start = registry.gauge("process_start_time_seconds", "When the process started, in seconds since the epoch")
  start.set(Math.round(clock.now() / 1000 - process.uptime()))
  let counted = 0
  registry.onCollect(() => {
    const { user, system } = process.cpuUsage()
    const seconds = (user + system) / 1e6
    cpu.add(seconds - counted)
    counted = seconds
    resident.set(process.memoryUsage.rss())
    files.set(openFiles())
  })
}

function openFiles(): number {
  try {
    return readdirSync("/proc/self/fd").length
  } catch {
    return 0
  }
}
