import { type corev1, refs } from "@ladya/api"
import { isStatus, type KubeObject, type ResourceRef } from "@ladya/apimachinery"
import type { Client } from "@ladya/client"
import type { Clock } from "@ladya/util"
import type { NodeAnswer, Subject } from "./finding.ts"

/** What each node says to a pod without one; made of the scheduler's own plugins by whoever puts the parts together. */
export type PlacementOf = (pod: corev1.Pod) => Promise<{ pod?: NodeAnswer; nodes: readonly NodeAnswer[] }>

/** The last lines of a container's log; undefined when there is none to be had. */
export type LogTail = (pod: corev1.Pod, container: string, previous: boolean) => Promise<readonly string[] | undefined>

export interface ViewDeps {
  client: Client
  clock: Clock
  placement: PlacementOf
  logTail: LogTail
}

const maxEvidence = 4

/** The cluster as a question needs it: read on demand, never written. */
export class View {
  readonly clock: Clock
  readonly placement: PlacementOf
  readonly logTail: LogTail
  readonly #client: Client
  /** By namespace: one question asks for the same events again and again. */
  readonly #events = new Map<string, Promise<corev1.Event[]>>()

  constructor(deps: ViewDeps) {
    this.clock = deps.clock
    this.placement = deps.placement
    this.logTail = deps.logTail
    this.#client = deps.client
  }

  /** Undefined when it is not there. */
  async find<T extends KubeObject>(ref: ResourceRef<T>, name: string, namespace?: string): Promise<T | undefined> {
    try {
      return await this.#client.resource(ref).get(name, namespace ? { namespace } : {})
    } catch (error) {
      if (isStatus(error, "NotFound")) return undefined
      throw error
    }
  }

  async list<T extends KubeObject>(ref: ResourceRef<T>, namespace?: string, labelSelector?: string): Promise<T[]> {
    const options = { ...(namespace ? { namespace } : {}), ...(labelSelector ? { labelSelector } : {}) }
    return [...(await this.#client.resource(ref).list(options)).items]
  }

  /** Warnings about an object, the newest first. */
  async warnings(kind: string, object: KubeObject): Promise<corev1.Event[]> {
    const namespace = object.metadata.namespace ?? "default"
    const listed = this.#events.get(namespace) ?? this.list(refs.events, namespace)
    this.#events.set(namespace, listed)
    const events = await listed
    return events
      .filter(({ type, involvedObject }) => type === "Warning" && involvedObject.kind === kind)
      .filter(
        ({ involvedObject: { name, uid } }) => name === object.metadata.name && (!uid || uid === object.metadata.uid),
      )
      .toSorted((a, b) => timeOf(b) - timeOf(a))
  }

  /** Whole seconds since an API time. */
  secondsSince(time: string | undefined): number {
    return time ? Math.max(0, Math.floor((this.clock.now() - Date.parse(time)) / 1000)) : 0
  }
}

function timeOf({ lastTimestamp, eventTime, firstTimestamp, metadata }: corev1.Event): number {
  return Date.parse(lastTimestamp ?? eventTime ?? firstTimestamp ?? metadata.creationTimestamp ?? "") || 0
}

/** `FailedMount: …`, each text once. */
export function evidenceOf(events: readonly corev1.Event[]): string[] {
  const texts = events.map(({ reason, message }) => `${reason ?? "Warning"}: ${message ?? ""}`)
  return [...new Set(texts)].slice(0, maxEvidence)
}

export function subjectOf(kind: string, { metadata }: KubeObject): Subject {
  return { kind, name: metadata.name ?? "", ...(metadata.namespace ? { namespace: metadata.namespace } : {}) }
}
