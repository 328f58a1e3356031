import { isDeepStrictEqual } from "node:util"
import { type corev1, refs } from "@ladya/api"
import { isStatus } from "@ladya/apimachinery"
import type { Client } from "@ladya/client"
import { Backoff, type Clock, type Logger, sleep } from "@ladya/util"
import { isStaticPod, type Pod, podText, podUid } from "../pods/pod.ts"
import { ownedConditions, passingConditions } from "./conditions.ts"

/** Brings the API's copy of pods' statuses in line with what the node agent finds; writes only what differs. */
export interface StatusWriter {
  /** The status to be written; a later one replaces one that still waits. Returns at once. */
  set(pod: Pod, status: corev1.PodStatus): void
  /** What the API was last heard to have, or what is to be written: what to build the next status on. */
  current(pod: Pod): corev1.PodStatus
  /** The pod as the informer saw it last. */
  saw(pod: Pod): void
  /** Resolves when everything set for the pod is written or is not to be any more. */
  flushed(uid: string): Promise<void>
  /** Removes the pod's object for good, after its last status. */
  finalize(pod: Pod): Promise<void>
  forget(uid: string): void
  stop(): void
}

export interface StatusWriterDeps {
  client: Client
  /** The object in the API that shows a static pod; undefined while there is none. */
  mirror?(pod: Pod): Pod | undefined
  clock: Clock
  log: Logger
}

interface Entry {
  pod: Pod
  /** The newest copy of the object that is known. */
  known: Pod
  wanted: corev1.PodStatus | undefined
  /** The last status that was set: what a static pod without an object in the API has. */
  last: corev1.PodStatus | undefined
  writing: Promise<void> | undefined
}

const owned = new Set<string>([...ownedConditions, ...passingConditions])

/** The conditions that are to be written: ours as wanted, those of others as they are now. */
function conditions(wanted: corev1.PodStatus, known: corev1.PodStatus): corev1.PodCondition[] {
  const ours = (wanted.conditions ?? []).filter(({ type }) => owned.has(type))
  const theirs = (known.conditions ?? []).filter(({ type }) => !owned.has(type))
  return [...ours, ...theirs]
}

/** The fields of a status that differ, as a merge patch; undefined when none does. */
export function statusPatch(wanted: corev1.PodStatus, known: corev1.PodStatus): Record<string, unknown> | undefined {
  const next: Record<string, unknown> = { ...wanted, conditions: conditions(wanted, known) }
  const before = known as Record<string, unknown>
  const patch: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(next)) if (!isDeepStrictEqual(value, before[key])) patch[key] = value
  // Fields of others (nominatedNodeName, resize …) are theirs to take away.
  for (const key of ["reason", "message", "podIP", "podIPs"]) {
    if (before[key] !== undefined && next[key] === undefined) patch[key] = null
  }
  return Object.keys(patch).length > 0 ? patch : undefined
}

const isNewer = (a: Pod, b: Pod): boolean =>
  Number(a.metadata.resourceVersion ?? 0) >= Number(b.metadata.resourceVersion ?? 0)

export function newStatusWriter({ client, clock, log, mirror }: StatusWriterDeps): StatusWriter {
  const pods = client.resource(refs.pods)
  const entries = new Map<string, Entry>()
  const stopped = new AbortController()

  const entryOf = (pod: Pod): Entry => {
    const uid = podUid(pod)
    let entry = entries.get(uid)
    if (!entry) {
      entry = { pod, known: pod, wanted: undefined, last: undefined, writing: undefined }
      entries.set(uid, entry)
    }
    return entry
  }

  /** Writes once; false when it must be tried again with what the API has now. */
  async function write(entry: Entry, wanted: corev1.PodStatus): Promise<boolean> {
    const { name = "", namespace = "" } = entry.pod.metadata
    const shown = isStaticPod(entry.pod) ? mirror?.(entry.pod) : entry.pod
    // Written when there is something to write it to.
    if (!shown) return true
    if (podUid(shown) !== podUid(entry.known)) entry.known = shown
    const known = entry.known.status ?? {}
    const patch = statusPatch(wanted, known)
    if (!patch) return true
    // Somebody else writes conditions of this pod: do not write over what was not seen.
    const shared =
      (known.conditions ?? []).some(({ type }) => !owned.has(type)) || entry.pod.spec?.readinessGates?.length
    const version = shared && entry.known.metadata.resourceVersion
    const metadata = { uid: podUid(shown), ...(version ? { resourceVersion: version } : {}) }
    try {
      const written = await pods.patch(name, "merge", { metadata, status: patch }, { namespace, subresource: "status" })
      if (isNewer(written, entry.known)) entry.known = written
      return true
    } catch (error) {
      if (isStatus(error, "NotFound")) return true
      if (!isStatus(error, "Conflict")) throw error
      const now = await pods.get(name, { namespace })
      // Another pod of the same name: this one is gone.
      if (podUid(now) !== podUid(shown)) return true
      entry.known = now
      return false
    }
  }

  async function drain(entry: Entry): Promise<void> {
    const backoff = new Backoff(clock, { initialMs: 200, maxMs: 10_000 })
    while (entry.wanted && !stopped.signal.aborted) {
      const wanted = entry.wanted
      try {
        if (!(await write(entry, wanted))) continue
        backoff.reset("")
        if (entry.wanted === wanted) entry.wanted = undefined
      } catch (error) {
        if (stopped.signal.aborted) return
        log.debug("a pod's status was not written", { pod: podText(entry.pod), error })
        await sleep(clock, backoff.next(""), stopped.signal).catch(() => undefined)
      }
    }
  }

  return {
    set(pod, status) {
      const entry = entryOf(pod)
      entry.pod = pod
      entry.last = status
      if (!entry.writing && !statusPatch(status, entry.known.status ?? {}) && !isStaticPod(pod)) return
      entry.wanted = status
      entry.writing ??= drain(entry).finally(() => {
        entry.writing = undefined
      })
    },
    current(pod) {
      const entry = entries.get(podUid(pod))
      if (isStaticPod(pod)) return entry?.last ?? mirror?.(pod)?.status ?? {}
      return entry?.wanted ?? entry?.known.status ?? pod.status ?? {}
    },
    saw(pod) {
      const entry = entryOf(pod)
      if (isNewer(pod, entry.known)) entry.known = pod
      entry.pod = pod
    },
    async flushed(uid) {
      await entries.get(uid)?.writing
    },
    async finalize(pod) {
      const { name = "", namespace = "" } = pod.metadata
      const uid = podUid(pod)
      const backoff = new Backoff(clock, { initialMs: 200, maxMs: 10_000 })
      for (;;) {
        try {
          await pods.delete(name, { namespace, gracePeriodSeconds: 0, preconditions: { uid } })
          return
        } catch (error) {
          if (isStatus(error, "NotFound", "Conflict")) return
          stopped.signal.throwIfAborted()
          log.debug("a pod was not removed", { pod: podText(pod), error })
          await sleep(clock, backoff.next(""), stopped.signal)
        }
      }
    },
    forget: (uid) => void entries.delete(uid),
    stop: () => stopped.abort(new Error("the node agent stops")),
  }
}
