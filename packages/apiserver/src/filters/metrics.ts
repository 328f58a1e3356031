import type { Clock, Labels, MetricsRegistry } from "@ladya/util"
import type { ApiRequest, Filter } from "../request.ts"
import { hijacked } from "../request.ts"
import { isLongRunning } from "./timeout.ts"

const buckets = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60]

function scopeOf({ info }: ApiRequest): string {
  if (!info.isResource) return ""
  if (info.name || info.verb === "create") return "resource"
  return info.namespace ? "namespace" : "cluster"
}

/** Counts and times requests under the names that dashboards know. */
export function withMetrics(clock: Clock, metrics: MetricsRegistry): Filter {
  const total = metrics.counter("apiserver_request_total", "Requests, by verb, resource, scope and HTTP code.")
  const duration = metrics.histogram(
    "apiserver_request_duration_seconds",
    "Time to answer, in seconds, by verb, resource and scope; long-running requests are left out.",
    buckets,
  )
  const running = metrics.gauge("apiserver_longrunning_requests", "Watches and streams that are open now.")
  const known = new Map<string, Series>()
  return (next) => async (request) => {
    const series = seriesOf(request, known)
    const isLong = isLongRunning(request)
    const start = clock.monotonic()
    const response = await next(request)
    total.add(1, series.withCode(response === hijacked ? "101" : String(response.status)))
    if (!isLong) duration.observe((clock.monotonic() - start) / 1000, series.labels)
    else if (response !== hijacked && !request.signal.aborted) {
      running.add(1, series.labels)
      request.signal.addEventListener("abort", () => running.add(-1, series.labels), { once: true })
    }
    return response
  }
}

/** The labels of one sort of request, made once. */
interface Series {
  readonly labels: Labels
  withCode(code: string): Labels
}

/** Paths and resources that nobody knows are counted as one. */
const maxSeries = 5000

function seriesOf(request: ApiRequest, known: Map<string, Series>): Series {
  const { info } = request
  const scope = scopeOf(request)
  const subresource = info.isResource ? info.subresource : info.path.split("/", 2).join("/")
  const verb = info.isResource ? info.verb.toUpperCase() : request.method
  const id = `${info.group}/${info.version}/${info.resource}/${subresource} ${verb} ${scope}`
  let series = known.get(id)
  if (!series) {
    const names =
      known.size < maxSeries
        ? { group: info.group, resource: info.resource, subresource, version: info.version }
        : { group: "", resource: "", subresource: "", version: "" }
    series = newSeries({ component: "apiserver", ...names, scope, verb })
    if (known.size < maxSeries) known.set(id, series)
  }
  return series
}

function newSeries(labels: Labels): Series {
  const byCode = new Map<string, Labels>()
  return {
    labels: Object.freeze(labels),
    withCode(code) {
      let found = byCode.get(code)
      if (!found) {
        found = Object.freeze({ ...labels, code })
        byCode.set(code, found)
      }
      return found
    },
  }
}
