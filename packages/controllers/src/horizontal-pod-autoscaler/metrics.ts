import type { autoscalingv2 } from "@ladya/api"
import {
  formatLabelSelector,
  isStatus,
  type KubeObject,
  parseQuantity,
  parseTime,
  quantityToMilli,
  type ResourceRef,
} from "@ladya/apimachinery"
import type { Client } from "@ladya/client"
import type { ResourceCatalog } from "../shared/catalog.ts"
import type { PodMetric } from "./pods.ts"

/** Reads the three metrics APIs. Amounts are in thousandths. Whatever is missing is thrown as an Error that says so. */
export interface MetricsReader {
  resource(namespace: string, selector: string, resource: string, container: string): Promise<Map<string, PodMetric>>
  pods(namespace: string, selector: string, metric: autoscalingv2.MetricIdentifier): Promise<Map<string, PodMetric>>
  object(
    namespace: string,
    object: autoscalingv2.CrossVersionObjectReference,
    metric: autoscalingv2.MetricIdentifier,
  ): Promise<number>
  /** The sum of all series. */
  external(namespace: string, metric: autoscalingv2.MetricIdentifier): Promise<number>
}

interface PodMetrics extends KubeObject {
  timestamp?: string
  window?: string
  containers?: { name: string; usage: Record<string, string> }[]
}
interface MetricValue {
  describedObject?: { name?: string }
  timestamp?: string
  windowSeconds?: number
  value: string
}
interface MetricValues extends KubeObject {
  items?: MetricValue[]
}

const podMetrics: ResourceRef<PodMetrics> = {
  ...{ group: "metrics.k8s.io", version: "v1beta1", resource: "pods", kind: "PodMetrics", namespaced: true },
}
/** The newest first. */
const customVersions = ["v1beta2", "v1beta1"]
/** A custom metric without a window of its own. */
const defaultWindowMs = 60_000

const milli = (value: string): number => quantityToMilli(parseQuantity(value))

/** Go's durations of whole units: `15s`, `1m30s`, `1.5s`. In milliseconds. */
function parseWindow(text: string | undefined): number {
  let ms = 0
  for (const [, value, unit] of (text ?? "").matchAll(/([\d.]+)(h|ms|m|s)/g)) {
    ms += Number(value) * ({ h: 3_600_000, m: 60_000, s: 1000, ms: 1 }[unit as "h" | "m" | "s" | "ms"] ?? 0)
  }
  return ms
}

export function newMetricsReader(client: Client, catalog: ResourceCatalog): MetricsReader {
  const custom = async (
    resource: string,
    options: { namespace: string; name: string; metric: string; query: Record<string, string> },
  ): Promise<MetricValues> => {
    const { namespace, name, metric, query } = options
    let failure: unknown
    for (const version of customVersions) {
      const ref = {
        group: "custom.metrics.k8s.io",
        version,
        resource,
        kind: "MetricValue",
        namespaced: namespace !== "",
      }
      try {
        return await client.resource(ref).getSubresource<MetricValues>(name, metric, { namespace, query })
      } catch (error) {
        failure ??= error
        if (!isStatus(error, "NotFound")) throw error
      }
    }
    throw failure
  }
  const selectorOf = ({ selector }: autoscalingv2.MetricIdentifier): Record<string, string> =>
    selector ? { metricLabelSelector: formatLabelSelector(selector) } : {}

  return {
    async resource(namespace, selector, resource, container) {
      const { items } = await client.resource(podMetrics).list({ namespace, labelSelector: selector })
      if (items.length === 0) throw new Error("no metrics returned from resource metrics API")
      const found = new Map<string, PodMetric>()
      for (const { metadata, timestamp, window, containers = [] } of items) {
        const chosen = container === "" ? containers : containers.filter(({ name }) => name === container)
        if (container !== "" && chosen.length === 0) {
          throw new Error(`container ${container} not present in metrics for pod ${namespace}/${metadata.name}`)
        }
        const amounts = chosen.map(({ usage }) => usage[resource])
        // Half of a pod would look like a small pod.
        if (amounts.length === 0 || amounts.includes(undefined)) continue
        const value = amounts.reduce((sum, amount) => sum + milli(amount ?? "0"), 0)
        found.set(metadata.name ?? "", { value, at: parseTime(timestamp) ?? 0, windowMs: parseWindow(window) })
      }
      return found
    },

    async pods(namespace, selector, metric) {
      const query = { ...(selector ? { labelSelector: selector } : {}), ...selectorOf(metric) }
      const { items = [] } = await custom("pods", { namespace, name: "*", metric: metric.name, query })
      if (items.length === 0) throw new Error("no metrics returned from custom metrics API")
      return new Map(
        items.map(({ describedObject, timestamp, windowSeconds, value }) => [
          describedObject?.name ?? "",
          {
            value: milli(value),
            at: parseTime(timestamp) ?? 0,
            windowMs: windowSeconds === undefined ? defaultWindowMs : windowSeconds * 1000,
          },
        ]),
      )
    },

    async object(namespace, { apiVersion = "v1", kind, name }, metric) {
      const query = selectorOf(metric)
      const ref = catalog.resourceOf(apiVersion, kind)
      if (!ref) throw new Error(`unable to map kind ${kind} in ${apiVersion} to a resource`)
      const resource = ref.group ? `${ref.resource}.${ref.group}` : ref.resource
      const isNamespace = ref.group === "" && ref.resource === "namespaces"
      // Metrics of a namespace stand beside what is in it.
      const { items = [] } = isNamespace
        ? await custom("metrics", { namespace: name, name: metric.name, metric: "", query })
        : await custom(resource, { namespace: ref.namespaced ? namespace : "", name, metric: metric.name, query })
      const [first] = items
      if (!first) throw new Error("no metrics returned from custom metrics API")
      return milli(first.value)
    },

    async external(namespace, metric) {
      const ref: ResourceRef<MetricValues> = {
        ...{ group: "external.metrics.k8s.io", version: "v1beta1", kind: "ExternalMetricValue", namespaced: true },
        resource: metric.name,
      }
      const labelSelector = metric.selector ? formatLabelSelector(metric.selector) : undefined
      const list = await client.resource(ref).list({ namespace, ...(labelSelector ? { labelSelector } : {}) })
      const items = list.items as unknown as MetricValue[]
      if (items.length === 0) throw new Error("no metrics returned from external metrics API")
      return items.reduce((sum, { value }) => sum + milli(value), 0)
    },
  }
}
