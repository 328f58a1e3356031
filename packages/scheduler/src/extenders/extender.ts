import type { corev1 } from "@ladya/api"
import type { NodeInfo } from "../cache/node-info.ts"
import type { PodInfo } from "../cache/pod-info.ts"
import type { ExtenderConfig } from "../configuration/configuration.ts"
import type { NodeRefusal } from "../framework/plugin.ts"
import { post } from "./post.ts"

/** Extenders score from 0 to 10, plugins from 0 to 100. */
const scoreScale = 10

interface FilterAnswer {
  nodes?: { items?: corev1.Node[] } | null
  nodenames?: string[] | null
  failedNodes?: Record<string, string>
  failedAndUnresolvableNodes?: Record<string, string>
  error?: string
}

/** A program beside the scheduler that filters, scores or binds (the scheduler extender's HTTP and JSON protocol). */
export class Extender {
  readonly name: string
  readonly #config: ExtenderConfig
  readonly #resources: ReadonlySet<string>

  constructor(config: ExtenderConfig) {
    this.name = config.urlPrefix
    this.#config = config
    this.#resources = new Set(config.managedResources.map(({ name }) => name))
  }

  /** Resources that the scheduler's own fit leaves to the extender. */
  get ignoredResources(): string[] {
    return this.#config.managedResources.filter(({ ignoredByScheduler }) => ignoredByScheduler).map(({ name }) => name)
  }

  get isBinder(): boolean {
    return this.#config.bindVerb !== ""
  }

  isInterested({ pod }: PodInfo): boolean {
    if (this.#resources.size === 0) return true
    const all = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])]
    return all.some(({ resources }) =>
      [...Object.keys(resources?.requests ?? {}), ...Object.keys(resources?.limits ?? {})].some((name) =>
        this.#resources.has(name),
      ),
    )
  }

  /** The nodes that are left; notes why the others are not. Throws when it does not answer and cannot be ignored. */
  async filter(
    { pod }: PodInfo,
    nodes: readonly NodeInfo[],
    refusals: Map<string, NodeRefusal>,
    signal: AbortSignal,
  ): Promise<readonly NodeInfo[]> {
    const { filterVerb } = this.#config
    if (!filterVerb || nodes.length === 0) return nodes
    const answer = await this.#ask<FilterAnswer>(filterVerb, this.#arguments(pod, nodes), signal)
    if (!answer) return nodes
    if (answer.error) throw new Error(`extender ${this.name}: ${answer.error}`)
    const refuse = (failed: Record<string, string> | undefined, code: NodeRefusal["code"]): void => {
      for (const [node, reason] of Object.entries(failed ?? {})) {
        refusals.set(node, { code, reasons: [reason], plugin: this.name })
      }
    }
    refuse(answer.failedNodes, "unschedulable")
    refuse(answer.failedAndUnresolvableNodes, "unresolvable")
    const left = new Set(answer.nodenames ?? (answer.nodes?.items ?? []).map(({ metadata }) => metadata.name ?? ""))
    return nodes.filter(({ name }) => left.has(name))
  }

  /** Adds its scores to the totals, node by node. What goes wrong here is no reason not to schedule. */
  async prioritize(
    { pod }: PodInfo,
    nodes: readonly NodeInfo[],
    totals: Float64Array,
    signal: AbortSignal,
  ): Promise<void> {
    const { prioritizeVerb, weight } = this.#config
    if (!prioritizeVerb) return
    const sent = this.#arguments(pod, nodes)
    const scores = await this.#ask<{ host: string; score: number }[]>(prioritizeVerb, sent, signal).catch(
      () => undefined,
    )
    const byHost = new Map((scores ?? []).map(({ host, score }) => [host, score]))
    for (const [index, { name }] of nodes.entries()) {
      totals[index] = (totals[index] ?? 0) + (byHost.get(name) ?? 0) * weight * scoreScale
    }
  }

  async bind({ pod, uid }: PodInfo, node: string, signal: AbortSignal): Promise<void> {
    const { name, namespace } = pod.metadata
    const body = { podName: name, podNamespace: namespace, podUID: uid, node }
    const answer = await this.#ask<{ error?: string }>(this.#config.bindVerb, body, signal)
    if (answer?.error) throw new Error(`extender ${this.name}: ${answer.error}`)
  }

  #arguments(pod: corev1.Pod, nodes: readonly NodeInfo[]): object {
    if (this.#config.nodeCacheCapable) return { pod, nodes: null, nodenames: nodes.map(({ name }) => name) }
    return {
      pod,
      nodes: { apiVersion: "v1", kind: "NodeList", metadata: {}, items: nodes.map(({ node }) => node) },
      nodenames: null,
    }
  }

  async #ask<T>(verb: string, body: object, signal: AbortSignal): Promise<T | undefined> {
    try {
      return (await post(`${this.#config.urlPrefix}/${verb}`, body, this.#config, signal)) as T
    } catch (error) {
      if (this.#config.ignorable) return undefined
      throw error
    }
  }
}
