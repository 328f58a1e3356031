import type { Clock, MetricsRegistry } from "@ladya/util"
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
  return (next) => async (request) => {
    const { info } = request
    const labels = {
      component: "apiserver",
      group: info.group,
      resource: info.isResource ? info.resource : "",
      scope: scopeOf(request),
      subresource: info.isResource ? info.subresource : info.path.split("/").slice(0, 2).join("/"),
      verb: info.isResource ? info.verb.toUpperCase() : request.method,
      version: info.version,
    }
    const isLong = isLongRunning(request)
    const start = clock.monotonic()
    const response = await next(request)
    total.add(1, { ...labels, code: response === hijacked ? "101" : String(response.status) })
    if (!isLong) duration.observe((clock.monotonic() - start) / 1000, labels)
    else if (response !== hijacked && !request.signal.aborted) {
      running.add(1, labels)
      request.signal.addEventListener("abort", () => running.add(-1, labels), { once: true })
    }
    return response
  }
}
