import type { corev1, KindDefinition } from "@ladya/api"
import {
  apiVersionOf,
  formatTime,
  type KubeObject,
  parseFieldSelector,
  parseLabelSelector,
  statusError,
} from "@ladya/apimachinery"
import type { Clock, Logger } from "@ladya/util"
import type { Result } from "../handlers/operation.ts"
import type { SpecialResource } from "../handlers/special.ts"
import type { ResourceTable } from "../resources.ts"
import { Entry } from "../storage/entry.ts"
import { newStoredShape } from "../storage/shape.ts"
import type { NodeDialer } from "../streaming/dialer.ts"
import { type NodeMetrics, nodeMetricsKind, type PodMetrics, podMetricsKind } from "./kinds.ts"
import { UsageSampler } from "./sampler.ts"
import { durationText, type Measured, measure } from "./usage.ts"

export interface MetricsApiDeps {
  resources: ResourceTable
  dialer: NodeDialer
  clock: Clock
  log: Logger
}

export interface MetricsApi {
  special: ReadonlyMap<string, SpecialResource>
  stop(): void
}

/** `metrics.k8s.io`: what nodes and pods use, made when asked for from what the kubelets tell. */
export function newMetricsApi(deps: MetricsApiDeps): MetricsApi {
  const all = async (resource: string): Promise<readonly KubeObject[]> => {
    const storage = deps.resources.storage("", resource)
    await storage.fresh()
    return [...storage.cache.scan({ namespace: "", name: undefined })].map((entry) => entry.object)
  }
  const sampler = new UsageSampler({ ...deps, nodes: async () => (await all("nodes")) as readonly corev1.Node[] })
  const nodeMetrics = (node: corev1.Node): NodeMetrics | undefined => {
    const series = sampler.node(node.metadata.name ?? "")
    const measured = series && measure(series)
    if (!measured) return undefined
    const { usage, ...more } = bodyOf(measured, measured)
    return { ...head(nodeMetricsKind, node, deps.clock), ...more, usage }
  }
  const podMetrics = (pod: corev1.Pod): PodMetrics | undefined => {
    if (pod.status?.phase !== "Running") return undefined
    const { namespace = "", name = "", uid } = pod.metadata
    const known = sampler.pod(pod.spec?.nodeName ?? "", namespace, name)
    if (!known || known.uid !== uid) return undefined
    const containers: PodMetrics["containers"] = []
    let oldest: Measured | undefined
    for (const [container, series] of known.containers) {
      const measured = measure(series)
      // Half of a pod would look like a small pod.
      if (!measured) return undefined
      containers.push({ name: container, usage: measured.usage })
      if (!oldest || measured.timestamp < oldest.timestamp) oldest = measured
    }
    if (!oldest) return undefined
    const { timestamp, window } = bodyOf(oldest, oldest)
    return { ...head(podMetricsKind, pod, deps.clock), timestamp, window, containers }
  }
  const serve = (
    kind: KindDefinition,
    resource: string,
    make: (object: KubeObject) => KubeObject | undefined,
  ): SpecialResource => {
    const shape = newStoredShape(kind)
    return {
      async get(_engine, { namespace, name }): Promise<Result> {
        await sampler.fresh()
        const storage = deps.resources.storage("", resource)
        const entry = await storage.get(storage.keyOf(namespace, name))
        const object = entry && make(entry.object)
        if (!object) throw statusError.notFound(kind, namespace ? `${namespace}/${name}` : name)
        return { type: "object", code: 200, object, kind }
      },
      async list(_engine, { namespace }, selection): Promise<Result> {
        const labels = parseLabelSelector(selection.labelSelector ?? "")
        const fields = parseFieldSelector(selection.fieldSelector ?? "")
        await sampler.fresh()
        const entries: Entry[] = []
        for (const object of await all(resource)) {
          const { metadata } = object
          if (namespace && metadata.namespace !== namespace) continue
          const { name = "" } = metadata
          if (!labels.matches(metadata.labels ?? {})) continue
          if (!fields.matches({ "metadata.name": name, "metadata.namespace": metadata.namespace ?? "" })) continue
          const made = make(object)
          if (made) entries.push(new Entry(shape, namespace ? `${namespace}/${name}` : name, shape.encode(made), 0))
        }
        return { type: "list", entries, metadata: { resourceVersion: "" } }
      },
    }
  }
  return {
    special: new Map([
      ["metrics.k8s.io/nodes", serve(nodeMetricsKind, "nodes", (object) => nodeMetrics(object as corev1.Node))],
      ["metrics.k8s.io/pods", serve(podMetricsKind, "pods", (object) => podMetrics(object as corev1.Pod))],
    ]),
    stop: () => sampler.stop(),
  }
}

function head(kind: KindDefinition, of: KubeObject, clock: Clock): KubeObject {
  const { name = "", namespace, labels } = of.metadata
  return {
    kind: kind.kind,
    apiVersion: apiVersionOf(kind),
    metadata: {
      name,
      ...(namespace ? { namespace } : {}),
      creationTimestamp: formatTime(clock.now()),
      ...(labels ? { labels } : {}),
    },
  }
}

function bodyOf({ usage }: Measured, { timestamp, windowMs }: Measured) {
  return { timestamp, window: durationText(windowMs), usage }
}
