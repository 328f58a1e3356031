import { formatTime } from "@ladya/apimachinery"
import type { Usage } from "./kinds.ts"

/** What a counter of CPU time and a gauge of memory showed at one moment. */
export interface Sample {
  /** Milliseconds since the epoch, as the node's clock says. */
  at: number
  /** CPU time used so far, in nanoseconds. */
  cpuNanos: number
  memoryBytes: number
}

/** The two newest samples of a node or container: a rate needs both. */
export interface Series {
  latest: Sample
  previous: Sample | undefined
}

/** Takes in a sample. One that is not newer changes nothing; a counter that began anew has no past. */
export function addSample(series: Series | undefined, sample: Sample): Series {
  if (!series) return { latest: sample, previous: undefined }
  if (sample.at <= series.latest.at) return series
  const hasRestarted = sample.cpuNanos < series.latest.cpuNanos
  return { latest: sample, previous: hasRestarted ? undefined : series.latest }
}

export interface Measured {
  usage: Usage
  timestamp: string
  windowMs: number
}

/** What was used between the two samples; undefined while there is but one. */
export function measure({ latest, previous }: Series): Measured | undefined {
  if (!previous) return undefined
  const windowMs = latest.at - previous.at
  const cpu = Math.round(((latest.cpuNanos - previous.cpuNanos) * 1000) / windowMs)
  return {
    usage: { cpu: cpuText(cpu), memory: memoryText(latest.memoryBytes) },
    timestamp: formatTime(latest.at),
    windowMs,
  }
}

const cpuText = (nanos: number): string => (nanos === 0 ? "0" : `${nanos}n`)

const memoryText = (bytes: number): string => (bytes % 1024 === 0 ? `${bytes / 1024}Ki` : String(bytes))

/** As Go writes durations of seconds: `15.02s`. */
export const durationText = (ms: number): string => `${Number((ms / 1000).toFixed(3))}s`
