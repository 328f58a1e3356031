import { type corev1, refs } from "@ladya/api"
import { isStatus } from "@ladya/apimachinery"
import type { Client, Informer } from "@ladya/client"
import { Backoff, type Clock, errorMessage, type Logger, Mutex, type Timer } from "@ladya/util"
import { isMirrorPod, mirrorAnnotation, type Pod, podUid } from "../pod.ts"

/** Shows static pods in the API: one object each, which cannot do anything to the pod itself. */
export interface MirrorPods {
  /** The static pod's object in the API; undefined while there is none. */
  of(uid: string): Pod | undefined
  /** From now on the static pod is shown. */
  add(pod: Pod): void
  /** The static pod has ended: it is not shown any more. */
  remove(uid: string): void
  stop(): void
}

export interface MirrorPodsDeps {
  client: Client
  pods: Informer<Pod>
  /** The node's object, which owns the mirrors. */
  node(): corev1.Node | undefined
  clock: Clock
  log: Logger
  /** The mirror of this static pod appeared, changed or went. */
  changed(uid: string): void
}

/** The uid of the static pod that a mirror shows. */
export function mirroredUid(mirror: Pod): string {
  return mirror.metadata.annotations?.[mirrorAnnotation] ?? ""
}

export function newMirrorPods(deps: MirrorPodsDeps): MirrorPods {
  const { client, pods, clock, log } = deps
  const api = client.resource(refs.pods)
  const wanted = new Map<string, Pod>()
  const mirrors = new Map<string, Pod>()
  const backoff = new Backoff(clock, { initialMs: 500, maxMs: 30_000 })
  const mutex = new Mutex()
  const timers = new Map<string, Timer>()
  let stopped = false

  const removeHandler = pods.addHandler({
    add: saw,
    update: saw,
    delete(pod) {
      const uid = mirroredUid(pod)
      if (!isMirrorPod(pod) || podUid(mirrors.get(uid) ?? pod) !== podUid(pod)) return
      mirrors.delete(uid)
      deps.changed(uid)
      reconcile(uid)
    },
  })

  function saw(pod: Pod): void {
    if (!isMirrorPod(pod)) return
    const uid = mirroredUid(pod)
    const isNew = podUid(mirrors.get(uid) ?? pod) !== podUid(pod) || !mirrors.has(uid)
    mirrors.set(uid, pod)
    if (isNew) deps.changed(uid)
    if (!wanted.has(uid) || pod.metadata.deletionTimestamp !== undefined) reconcile(uid)
  }

  function reconcile(uid: string): void {
    if (stopped) return
    timers.get(uid)?.cancel()
    void mutex
      .run(() => bring(uid))
      .then(() => backoff.reset(uid))
      .catch((error: unknown) => {
        log.debug("a static pod is not yet shown as it is", { uid, error: errorMessage(error) })
        if (!stopped)
          timers.set(
            uid,
            clock.setTimeout(() => reconcile(uid), backoff.next(uid), { unref: true }),
          )
      })
  }

  async function bring(uid: string): Promise<void> {
    const pod = wanted.get(uid)
    const mirror = mirrors.get(uid)
    if (mirror && (!pod || mirror.metadata.deletionTimestamp !== undefined)) {
      await erase(mirror)
      return
    }
    if (!pod || mirror) return
    const node = deps.node()
    if (!node) throw new Error("the node is not registered yet")
    const { name = "", namespace = "" } = pod.metadata
    try {
      mirrors.set(uid, await api.create(mirrorOf(pod, node)))
    } catch (error) {
      if (!isStatus(error, "AlreadyExists")) throw error
      // Of an earlier manifest: it makes room. One that is no mirror stays, and this pod is not shown.
      const present = await api.get(name, { namespace })
      if (!isMirrorPod(present)) throw error
      if (mirroredUid(present) !== uid) {
        await erase(present)
        throw new Error("an older mirror was in the way", { cause: error })
      }
      mirrors.set(uid, present)
    }
    deps.changed(uid)
  }

  async function erase(mirror: Pod): Promise<void> {
    const { name = "", namespace = "" } = mirror.metadata
    try {
      await api.delete(name, { namespace, gracePeriodSeconds: 0, preconditions: { uid: podUid(mirror) } })
    } catch (error) {
      if (!isStatus(error, "NotFound", "Conflict")) throw error
    }
  }

  return {
    of: (uid) => mirrors.get(uid),
    add(pod) {
      wanted.set(podUid(pod), pod)
      reconcile(podUid(pod))
    },
    remove(uid) {
      wanted.delete(uid)
      reconcile(uid)
    },
    stop() {
      stopped = true
      removeHandler()
      for (const timer of timers.values()) timer.cancel()
    },
  }
}

function mirrorOf(pod: Pod, node: corev1.Node): Pod {
  const { uid, ...metadata } = pod.metadata
  const owner = { apiVersion: "v1", kind: "Node", name: node.metadata.name ?? "", uid: node.metadata.uid ?? "" }
  return {
    ...{ apiVersion: "v1", kind: "Pod" },
    metadata: {
      ...metadata,
      annotations: { ...metadata.annotations, [mirrorAnnotation]: uid ?? "" },
      ownerReferences: [{ ...owner, controller: true }],
    },
    ...(pod.spec ? { spec: pod.spec } : {}),
  }
}
