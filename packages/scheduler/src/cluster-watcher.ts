import { type corev1, isPodTerminal, refs } from "@ladya/api"
import type { KubeObject, ResourceRef } from "@ladya/apimachinery"
import type { InformerFactory } from "@ladya/client"
import type { ClusterCache } from "./cache/cluster-cache.ts"
import { PodInfo } from "./cache/pod-info.ts"
import type { ClusterEvent, WatchedResource } from "./framework/cluster-event.ts"
import type { Nominator } from "./nominator.ts"
import { isRelevantChange, nodeEvent, podDeleted, podEvent } from "./pod-events.ts"
import { schedulerOf } from "./profile.ts"
import type { SchedulingQueue } from "./queue/scheduling-queue.ts"
import type { WaitingPods } from "./waiting-pods.ts"

export interface ClusterWatcherDeps {
  informers: InformerFactory
  cache: ClusterCache
  queue: SchedulingQueue
  nominator: Nominator
  waiting: WaitingPods
  /** Whether pods that name this scheduler are for us. */
  isOurs(schedulerName: string): boolean
}

/** Keeps cache and queue up to date with the API. Returns what ends it. */
export function watchCluster(deps: ClusterWatcherDeps): () => void {
  const { informers, cache, queue } = deps
  const podHandlers = new PodHandlers(deps)
  const onNode = (event: ClusterEvent, node: corev1.Node): void => {
    cache.setNode(node)
    queue.onEvent(event)
  }
  const ends = [
    informers.informer(refs.nodes).addHandler({
      add: (node) => onNode({ resource: "Node", actions: ["Add"], object: node }, node),
      update: (node, previous) => {
        const event = nodeEvent(node, previous)
        if (event) onNode(event, node)
        else cache.setNode(node)
      },
      delete: (node) => {
        cache.removeNode(node.metadata.name ?? "")
        queue.onEvent({ resource: "Node", actions: ["Delete"], object: node })
      },
    }),
    informers.informer(refs.namespaces).addHandler({
      add: (object) => {
        cache.topology.namespaceChanged()
        queue.onEvent({ resource: "Namespace", actions: ["Add"], object })
      },
      update: (object, previous) => {
        cache.topology.namespaceChanged()
        queue.onEvent({ resource: "Namespace", actions: ["UpdateLabels"], object, previous })
      },
      delete: () => cache.topology.namespaceChanged(),
    }),
    informers.informer(refs.pods).addHandler({
      add: (pod) => podHandlers.added(pod),
      update: (pod, previous) => podHandlers.updated(pod, previous),
      delete: (pod) => podHandlers.deleted(pod),
    }),
  ]
  ends.push(...watchOthers(informers, queue))
  return () => {
    for (const end of ends) end()
  }
}

/** What can unblock pods that wait for volumes or devices. */
function watchOthers(informers: InformerFactory, queue: SchedulingQueue): (() => void)[] {
  const follow = <T extends KubeObject>(resource: WatchedResource, ref: ResourceRef<T>): (() => void) =>
    informers.informer(ref).addHandler({
      add: (object) => queue.onEvent({ resource, actions: ["Add"], object }),
      update: (object, previous) => queue.onEvent({ resource, actions: ["Update"], object, previous }),
    })
  return [
    follow("PersistentVolumeClaim", refs.persistentvolumeclaims),
    follow("PersistentVolume", refs.persistentvolumes),
    follow("StorageClass", refs.storageclasses),
    follow("CSINode", refs.csinodes),
    follow("CSIStorageCapacity", refs.csistoragecapacities),
    follow("ResourceClaim", refs.resourceclaims),
    follow("ResourceSlice", refs.resourceslices),
    follow("DeviceClass", refs.deviceclasses),
  ]
}

class PodHandlers {
  readonly #cache: ClusterCache
  readonly #queue: SchedulingQueue
  readonly #nominator: Nominator
  readonly #waiting: WaitingPods
  readonly #isOursByName: ClusterWatcherDeps["isOurs"]

  constructor(deps: ClusterWatcherDeps) {
    this.#cache = deps.cache
    this.#queue = deps.queue
    this.#nominator = deps.nominator
    this.#waiting = deps.waiting
    this.#isOursByName = deps.isOurs
  }

  #isOurs(pod: corev1.Pod): boolean {
    return this.#isOursByName(schedulerOf(pod))
  }

  #enqueue(pod: corev1.Pod): void {
    if (!this.#isOurs(pod) || pod.metadata.deletionTimestamp || isPodTerminal(pod)) return
    const info = new PodInfo(pod)
    if (this.#cache.isAssumed(info.uid)) return
    if (pod.status?.nominatedNodeName) this.#nominator.set(info, pod.status.nominatedNodeName)
    this.#queue.add(info)
  }

  added(pod: corev1.Pod): void {
    if (!pod.spec?.nodeName) {
      this.#enqueue(pod)
      return
    }
    if (isPodTerminal(pod)) return
    this.#cache.setPod(pod)
    this.#queue.onEvent({ resource: "AssignedPod", actions: ["Add"], object: pod })
  }

  updated(pod: corev1.Pod, previous: corev1.Pod): void {
    if (!isRelevantChange(pod, previous)) return
    if (pod.spec?.nodeName) this.#onAssignedUpdate(pod, previous)
    else this.#onWaitingUpdate(pod, previous)
  }

  #onAssignedUpdate(pod: corev1.Pod, previous: corev1.Pod): void {
    const uid = pod.metadata.uid ?? ""
    if (isPodTerminal(pod)) {
      if (isPodTerminal(previous)) return
      this.#cache.removePod(uid)
      this.#queue.onEvent(podDeleted(pod))
      return
    }
    this.#cache.setPod(pod)
    if (!previous.spec?.nodeName) {
      this.#queue.delete(uid)
      this.#nominator.delete(uid)
      this.#queue.onEvent({ resource: "AssignedPod", actions: ["Add"], object: pod })
      return
    }
    const event = podEvent("AssignedPod", pod, previous)
    if (event) this.#queue.onEvent(event)
  }

  #onWaitingUpdate(pod: corev1.Pod, previous: corev1.Pod): void {
    const uid = pod.metadata.uid ?? ""
    if (isPodTerminal(pod) || pod.metadata.deletionTimestamp) {
      this.#queue.delete(uid)
      this.#nominator.delete(uid)
      return
    }
    if (!this.#isOurs(pod) || this.#cache.isAssumed(uid)) return
    const info = new PodInfo(pod)
    const nominated = pod.status?.nominatedNodeName
    if (nominated) this.#nominator.set(info, nominated)
    else if (previous.status?.nominatedNodeName) this.#nominator.delete(uid)
    const event = podEvent("Pod", pod, previous) ?? { resource: "Pod", actions: [], object: pod, previous }
    if (!this.#queue.update(info, event)) this.#enqueue(pod)
  }

  deleted(pod: corev1.Pod): void {
    const uid = pod.metadata.uid ?? ""
    this.#nominator.delete(uid)
    if (pod.spec?.nodeName) {
      this.#cache.removePod(uid)
      if (!isPodTerminal(pod)) this.#queue.onEvent(podDeleted(pod))
      return
    }
    this.#queue.delete(uid)
    this.#waiting.reject(uid, "the pod was deleted")
  }
}
