import { ageColumn, type KindDefinition, nameColumn } from "@ladya/api"
import type { KubeObject, TypeSchema } from "@ladya/apimachinery"

export const metricsGroup = "metrics.k8s.io"
export const metricsVersion = "v1beta1"
const types = "io.k8s.metrics.pkg.apis.metrics.v1beta1."
const meta = "io.k8s.apimachinery.pkg.apis.meta.v1."

export interface Usage {
  cpu: string
  memory: string
}

export interface NodeMetrics extends KubeObject {
  timestamp: string
  /** As Go writes durations: `15s`. */
  window: string
  usage: Usage
}

export interface PodMetrics extends KubeObject {
  timestamp: string
  window: string
  containers: { name: string; usage: Usage }[]
}

function kindOf(kind: string, resource: string, namespaced: boolean): KindDefinition {
  const own = { group: metricsGroup, version: metricsVersion, kind }
  return Object.freeze({
    ...own,
    resource,
    singular: resource.slice(0, -1),
    namespaced,
    shortNames: [],
    categories: [],
    verbs: ["get", "list"],
    type: types + kind,
    subresources: [],
    storage: { ...own, resource },
    toStorage: (object: KubeObject) => object,
    fromStorage: (object: KubeObject) => object,
    behaviour: {
      columns: [
        nameColumn,
        ...(namespaced
          ? []
          : [
              { name: "CPU", type: "string" as const, cell: (object: KubeObject) => (object as NodeMetrics).usage.cpu },
              {
                name: "Memory",
                type: "string" as const,
                cell: (object: KubeObject) => (object as NodeMetrics).usage.memory,
              },
            ]),
        { name: "Window", type: "string" as const, cell: (object: KubeObject) => (object as NodeMetrics).window },
        ageColumn,
      ],
    },
  })
}

export const nodeMetricsKind = kindOf("NodeMetrics", "nodes", false)
export const podMetricsKind = kindOf("PodMetrics", "pods", true)

const common = {
  apiVersion: { type: "string" },
  kind: { type: "string" },
  metadata: { ref: `${meta}ObjectMeta` },
  timestamp: { ref: `${meta}Time` },
  window: { type: "string" },
} as const
const usage = { type: "map", values: { ref: "io.k8s.apimachinery.pkg.api.resource.Quantity" } } as const

function withList(kind: string, fields: TypeSchema["fields"]): [string, TypeSchema][] {
  const gvk = (name: string): [string, string, string] => [metricsGroup, metricsVersion, name]
  const list: TypeSchema["fields"] = {
    apiVersion: { type: "string" },
    items: { type: "array", items: { ref: types + kind } },
    kind: { type: "string" },
    metadata: { ref: `${meta}ListMeta` },
  }
  return [
    [types + kind, { fields: { ...common, ...fields }, required: ["timestamp", "window"], gvk: [gvk(kind)] }],
    [`${types}${kind}List`, { fields: list, required: ["items"], gvk: [gvk(`${kind}List`)] }],
  ]
}

/** What API documents say of them. */
export const metricsTypes: ReadonlyMap<string, TypeSchema> = new Map([
  [`${types}ContainerMetrics`, { fields: { name: { type: "string" }, usage }, required: ["name", "usage"] }],
  ...withList("NodeMetrics", { usage }),
  ...withList("PodMetrics", { containers: { type: "array", items: { ref: `${types}ContainerMetrics` } } }),
])
