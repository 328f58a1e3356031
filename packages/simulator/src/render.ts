import type { SimulationResult } from "./simulate.ts"

const pad = (value: number): string => String(value).padStart(2, "0")

/** `1:02:03.250` since the start. */
export function timeText(ms: number): string {
  const seconds = Math.floor(ms / 1000)
  const fraction = ms % 1000 === 0 ? "" : `.${String(ms % 1000).padStart(3, "0")}`
  return `${Math.floor(seconds / 3600)}:${pad(Math.floor(seconds / 60) % 60)}:${pad(seconds % 60)}${fraction}`
}

/** The result for people. The same seed gives the same text. */
export function renderResult(result: SimulationResult, options: { timeline: boolean } = { timeline: true }): string {
  const lines = [`${result.scenario}: seed ${result.seed}, ${timeText(result.simulatedMs)} of cluster time`]
  if (options.timeline) {
    lines.push("", ...result.timeline.map(({ atMs, text }) => `  ${timeText(atMs).padStart(12)}  ${text}`))
  }
  lines.push("", "Invariants:")
  for (const { name, checks, violations } of result.invariants) {
    const verdict = violations.length > 0 ? `VIOLATED ${violations.length} times` : checks > 0 ? "held" : "never tried"
    lines.push(`  ${verdict} (${checks} checks): ${name}`)
    for (const { atMs, text } of violations.slice(0, 5)) lines.push(`      ${timeText(atMs)} ${text}`)
  }
  if (result.workloads.length > 0) {
    lines.push(
      "",
      "Workloads:",
      ...result.workloads.map(({ name, ready, wanted }) => `  ${name}: ${ready} of ${wanted} ready`),
    )
  }
  const pods = Object.entries(result.pods).map(([phase, count]) => `${count} ${phase}`)
  const writes = Object.values(result.writes).reduce((sum, count) => sum + count, 0)
  lines.push("", `Pods: ${pods.join(", ") || "none"}. API writes: ${writes}. Fingerprint: ${result.fingerprint}`)
  return lines.join("\n")
}

export const hasViolations = (result: SimulationResult): boolean =>
  result.invariants.some(({ violations }) => violations.length > 0)
