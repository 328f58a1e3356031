/** Label values by label name. */
export type Labels = Readonly<Record<string, string>>

interface Metric {
  readonly name: string
  readonly help: string
  readonly type: "counter" | "gauge" | "histogram"
  lines(): string[]
}

/** Texts of labels that cannot change: who counts often keeps a frozen set and pays for its text once. */
const frozenTexts = new WeakMap<Labels, string>()

function labelText(labels: Labels): string {
  const known = frozenTexts.get(labels)
  if (known !== undefined) return known
  const text = formatLabels(labels)
  if (Object.isFrozen(labels)) frozenTexts.set(labels, text)
  return text
}

function formatLabels(labels: Labels, extra?: string): string {
  const parts = Object.entries(labels).map(
    ([name, value]) => `${name}="${value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`,
  )
  if (extra) parts.push(extra)
  return parts.length === 0 ? "" : `{${parts.join(",")}}`
}

class ValueMetric implements Metric {
  readonly #values = new Map<string, number>()
  readonly name: string
  readonly help: string
  readonly type: "counter" | "gauge"

  constructor(name: string, help: string, type: "counter" | "gauge") {
    this.name = name
    this.help = help
    this.type = type
  }

  add(value: number, labels: Labels = {}): void {
    const key = labelText(labels)
    this.#values.set(key, (this.#values.get(key) ?? 0) + value)
  }

  set(value: number, labels: Labels = {}): void {
    this.#values.set(labelText(labels), value)
  }

  lines(): string[] {
    return [...this.#values].map(([labels, value]) => `${this.name}${labels} ${value}`)
  }
}

class HistogramMetric implements Metric {
  readonly #series = new Map<string, { labels: Labels; counts: number[]; sum: number; count: number }>()
  readonly type = "histogram" as const
  readonly name: string
  readonly help: string
  readonly #buckets: readonly number[]

  constructor(name: string, help: string, buckets: readonly number[]) {
    this.name = name
    this.help = help
    this.#buckets = buckets
  }

  observe(value: number, labels: Labels = {}): void {
    const key = labelText(labels)
    let series = this.#series.get(key)
    if (!series) {
      series = { labels, counts: new Array<number>(this.#buckets.length).fill(0), sum: 0, count: 0 }
      this.#series.set(key, series)
    }
    const index = this.#buckets.findIndex((bound) => value <= bound)
    if (index >= 0) series.counts[index]!++
    series.sum += value
    series.count++
  }

  lines(): string[] {
    const lines: string[] = []
    for (const { labels, counts, sum, count } of this.#series.values()) {
      let cumulative = 0
      for (const [index, bound] of this.#buckets.entries()) {
        cumulative += counts[index] ?? 0
        lines.push(`${this.name}_bucket${formatLabels(labels, `le="${bound}"`)} ${cumulative}`)
      }
      lines.push(`${this.name}_bucket${formatLabels(labels, 'le="+Inf"')} ${count}`)
      lines.push(`${this.name}_sum${labelText(labels)} ${sum}`, `${this.name}_count${labelText(labels)} ${count}`)
    }
    return lines
  }
}

/** A value that only grows. */
export interface Counter {
  add(value: number, labels?: Labels): void
}

/** A value that goes up and down. */
export interface Gauge {
  set(value: number, labels?: Labels): void
  add(value: number, labels?: Labels): void
}

/** Observations in buckets. */
export interface Histogram {
  observe(value: number, labels?: Labels): void
}

/** The metrics of one process, written in the Prometheus text format 0.0.4. */
export class MetricsRegistry {
  readonly #metrics = new Map<string, Metric>()
  readonly #collectors: (() => void)[] = []

  counter(name: string, help: string): Counter {
    return this.#register(name, () => new ValueMetric(name, help, "counter"))
  }

  gauge(name: string, help: string): Gauge {
    return this.#register(name, () => new ValueMetric(name, help, "gauge"))
  }

  /** `buckets` are upper bounds, ascending, in the metric's own unit. */
  histogram(name: string, help: string, buckets: readonly number[]): Histogram {
    return this.#register(name, () => new HistogramMetric(name, help, buckets))
  }

  /** Called before each rendering: for gauges that are read off rather than kept. */
  onCollect(collector: () => void): void {
    this.#collectors.push(collector)
  }

  render(): string {
    for (const collector of this.#collectors) collector()
    const lines: string[] = []
    for (const metric of this.#metrics.values()) {
      lines.push(`# HELP ${metric.name} ${metric.help}`, `# TYPE ${metric.name} ${metric.type}`, ...metric.lines())
    }
    return `${lines.join("\n")}\n`
  }

  #register<M extends Metric>(name: string, create: () => M): M {
    const existing = this.#metrics.get(name)
    if (existing) return existing as M
    const metric = create()
    this.#metrics.set(name, metric)
    return metric
  }
}
