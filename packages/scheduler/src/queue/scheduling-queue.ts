import type { Clock, Timer } from "@ladya/util"
import type { PodInfo } from "../cache/pod-info.ts"
import type { ClusterEvent } from "../framework/cluster-event.ts"
import type { EventInterest, Plugin } from "../framework/plugin.ts"
import { isRefusal } from "../framework/verdict.ts"
import { KeyedHeap } from "./heap.ts"
import { newQueuedPod, type QueuedPod } from "./queued-pod.ts"

export interface SchedulingQueueOptions {
  clock: Clock
  /** Orders pods that are ready: below zero when `a` comes before `b`. */
  compare(a: QueuedPod, b: QueuedPod): number
  /** Plugins with a PreEnqueue or with interests. */
  plugins: readonly Plugin[]
  /** Those of a pod's own profile; all unless told. */
  pluginsOf?(pod: PodInfo): readonly Plugin[]
  /** The first back-off of a pod that did not fit. */
  initialBackoffMs: number
  maxBackoffMs: number
  /** A pod that no event has unblocked is tried again after this. */
  flushAfterMs: number
  /** Called when a pod is ready. */
  onReady(): void
}

const byBackoff = (a: QueuedPod, b: QueuedPod): number => a.backoffUntil - b.backoffUntil
const keyOf = (pod: QueuedPod): string => pod.info.uid
/** Stands for pods that no plugin refused: any event may help them. */
const anyPlugin = "*"

/**
 * Pods that wait for a node: those that are ready, in order; those that back off; and those that did not fit and wait
 * for an event that their refusing plugins care about. Nothing is polled: pods at rest cost nothing.
 */
export class SchedulingQueue {
  readonly #options: SchedulingQueueOptions
  readonly #active: KeyedHeap<QueuedPod>
  readonly #backoff = new KeyedHeap<QueuedPod>(keyOf, byBackoff)
  /** Those that back off after an error: they are never taken early. */
  readonly #errorBackoff = new KeyedHeap<QueuedPod>(keyOf, byBackoff)
  readonly #unschedulable = new Map<string, QueuedPod>()
  /** Waiting pods by the plugin that refused them, so that an event looks only at those it may concern. */
  readonly #waiters = new Map<string, Set<string>>()
  #backoffTimer: Timer | undefined
  #flushTimer: Timer | undefined
  #closed = false

  constructor(options: SchedulingQueueOptions) {
    this.#options = options
    this.#active = new KeyedHeap(keyOf, options.compare)
  }

  /** The numbers of pods in each part. */
  get depth(): { active: number; backoff: number; unschedulable: number; gated: number } {
    let gated = 0
    for (const pod of this.#unschedulable.values()) if (pod.gatedBy) gated++
    return {
      active: this.#active.size,
      backoff: this.#backoff.size + this.#errorBackoff.size,
      unschedulable: this.#unschedulable.size - gated,
      gated,
    }
  }

  get(uid: string): QueuedPod | undefined {
    return (
      this.#active.get(uid) ?? this.#backoff.get(uid) ?? this.#errorBackoff.get(uid) ?? this.#unschedulable.get(uid)
    )
  }

  /** All pods that wait, in no particular order. */
  *values(): Generator<QueuedPod> {
    yield* this.#active.values()
    yield* this.#backoff.values()
    yield* this.#errorBackoff.values()
    yield* this.#unschedulable.values()
  }

  /** A pod that is new to the scheduler. */
  add(info: PodInfo): void {
    this.#activate(newQueuedPod(info, this.#options.clock.now()))
  }

  /** A pod that changed while it waits; `event` says what of it. Returns whether it is known here. */
  update(info: PodInfo, event: ClusterEvent): boolean {
    const pod = this.get(info.uid)
    if (!pod) return false
    pod.info = info
    pod.nominatedNodeName = info.pod.status?.nominatedNodeName
    if (this.#active.get(info.uid)) this.#active.push(pod)
    else if (this.#unschedulable.has(info.uid) && this.#isWorthIt(pod, event)) this.#requeue(pod)
    return true
  }

  delete(uid: string): QueuedPod | undefined {
    const pod = this.#active.delete(uid) ?? this.#backoff.delete(uid) ?? this.#errorBackoff.delete(uid)
    if (pod) return pod
    const waiting = this.#unschedulable.get(uid)
    if (waiting) this.#removeUnschedulable(waiting)
    return waiting
  }

  /** The next pod to schedule. When none is ready, one that backs off without having met an error is taken early. */
  pop(): QueuedPod | undefined {
    const pod = this.#active.pop() ?? this.#backoff.pop()
    if (!pod) return undefined
    pod.attempts++
    pod.firstTriedAt ??= this.#options.clock.now()
    return pod
  }

  /** A popped pod that did not fit: it waits for an event that one of these plugins cares about. */
  addUnschedulable(pod: QueuedPod, refusedBy: ReadonlySet<string>): void {
    if (this.#closed || this.get(pod.info.uid)) return
    const now = this.#options.clock.now()
    pod.refusedBy = refusedBy
    pod.gatedBy = undefined
    pod.backoffUntil = now + this.#backoffMs(pod.attempts)
    pod.queuedAt = now
    this.#putUnschedulable(pod)
  }

  /** A popped pod that met an error: it is tried again after its back-off. */
  addAfterError(pod: QueuedPod): void {
    if (this.#closed || this.get(pod.info.uid)) return
    const now = this.#options.clock.now()
    pod.backoffUntil = now + this.#backoffMs(pod.attempts)
    pod.queuedAt = now
    this.#errorBackoff.push(pod)
    this.#armBackoff()
  }

  /** Something happened in the cluster: pods that it may unblock are queued again. */
  onEvent(event: ClusterEvent): void {
    if (this.#unschedulable.size === 0) return
    const worthIt = new Set<QueuedPod>()
    for (const plugin of this.#options.plugins) {
      const waiters = this.#waiters.get(plugin.name)
      if (!waiters) continue
      const interests = (plugin.interests ?? []).filter((interest) => concerns(interest, event))
      if (interests.length === 0) continue
      for (const uid of waiters) {
        const pod = this.#unschedulable.get(uid)
        if (pod && !worthIt.has(pod) && interests.some((interest) => hintOf(interest, pod, event))) worthIt.add(pod)
      }
    }
    for (const uid of this.#waiters.get(anyPlugin) ?? []) {
      const pod = this.#unschedulable.get(uid)
      if (pod) worthIt.add(pod)
    }
    for (const pod of worthIt) this.#requeue(pod)
  }

  /** Queues these pods again whatever refused them: a plugin knows that they can go on. */
  activate(uids: Iterable<string>): void {
    for (const uid of uids) {
      const pod = this.#unschedulable.get(uid)
      if (!pod) continue
      this.#removeUnschedulable(pod)
      this.#activate(pod)
    }
  }

  close(): void {
    this.#closed = true
    this.#backoffTimer?.cancel()
    this.#flushTimer?.cancel()
  }

  #isWorthIt(pod: QueuedPod, event: ClusterEvent): boolean {
    if (event.actions.length === 0) return false
    if (pod.refusedBy.size === 0) return true
    return this.#options.plugins.some(
      (plugin) =>
        pod.refusedBy.has(plugin.name) &&
        plugin.interests?.some((interest) => concerns(interest, event) && hintOf(interest, pod, event)),
    )
  }

  #requeue(pod: QueuedPod): void {
    this.#removeUnschedulable(pod)
    if (pod.gatedBy === undefined && pod.backoffUntil > this.#options.clock.now()) {
      this.#backoff.push(pod)
      this.#armBackoff()
      this.#options.onReady()
    } else this.#activate(pod)
  }

  #activate(pod: QueuedPod): void {
    if (this.#closed) return
    for (const plugin of this.#options.pluginsOf?.(pod.info) ?? this.#options.plugins) {
      const verdict = plugin.preEnqueue?.(pod.info)
      if (!verdict || !isRefusal(verdict)) continue
      pod.gatedBy = plugin.name
      pod.refusedBy = new Set([plugin.name])
      this.#putUnschedulable(pod)
      return
    }
    pod.gatedBy = undefined
    this.#active.push(pod)
    this.#options.onReady()
  }

  #putUnschedulable(pod: QueuedPod): void {
    this.#unschedulable.set(pod.info.uid, pod)
    for (const name of pod.refusedBy.size > 0 ? pod.refusedBy : [anyPlugin]) {
      const waiters = this.#waiters.get(name)
      if (waiters) waiters.add(pod.info.uid)
      else this.#waiters.set(name, new Set([pod.info.uid]))
    }
    this.#armFlush()
  }

  #removeUnschedulable(pod: QueuedPod): void {
    this.#unschedulable.delete(pod.info.uid)
    for (const name of pod.refusedBy.size > 0 ? pod.refusedBy : [anyPlugin]) {
      const waiters = this.#waiters.get(name)
      waiters?.delete(pod.info.uid)
      if (waiters?.size === 0) this.#waiters.delete(name)
    }
  }

  #backoffMs(attempts: number): number {
    const { initialBackoffMs, maxBackoffMs } = this.#options
    return Math.min(initialBackoffMs * 2 ** Math.min(Math.max(attempts - 1, 0), 30), maxBackoffMs)
  }

  #armBackoff(): void {
    this.#backoffTimer?.cancel()
    this.#backoffTimer = undefined
    const heads = [this.#backoff.peek(), this.#errorBackoff.peek()].filter((pod) => pod !== undefined)
    if (heads.length === 0 || this.#closed) return
    const first = Math.min(...heads.map((pod) => pod.backoffUntil))
    const delay = Math.max(first - this.#options.clock.now(), 0)
    this.#backoffTimer = this.#options.clock.setTimeout(() => this.#endBackoffs(), delay, { unref: true })
  }

  #endBackoffs(): void {
    const now = this.#options.clock.now()
    for (const heap of [this.#backoff, this.#errorBackoff]) {
      for (let head = heap.peek(); head && head.backoffUntil <= now; head = heap.peek()) {
        heap.delete(head.info.uid)
        this.#activate(head)
      }
    }
    this.#armBackoff()
  }

  #armFlush(): void {
    if (this.#flushTimer || this.#closed) return
    const { clock, flushAfterMs } = this.#options
    this.#flushTimer = clock.setTimeout(() => this.#flush(), flushAfterMs / 10, { unref: true })
  }

  #flush(): void {
    this.#flushTimer = undefined
    const now = this.#options.clock.now()
    for (const pod of [...this.#unschedulable.values()]) {
      if (pod.gatedBy === undefined && now - pod.queuedAt >= this.#options.flushAfterMs) this.#requeue(pod)
    }
    if ([...this.#unschedulable.values()].some((pod) => pod.gatedBy === undefined)) this.#armFlush()
  }
}

function concerns(interest: EventInterest, event: ClusterEvent): boolean {
  if (interest.resource !== event.resource) return false
  return interest.actions.some((action) => event.actions.includes(action))
}

function hintOf(interest: EventInterest, pod: QueuedPod, event: ClusterEvent): boolean {
  return (interest.hint?.(pod.info, event) ?? "queue") === "queue"
}
