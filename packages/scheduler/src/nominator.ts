import type { PodInfo } from "./cache/pod-info.ts"
import type { Nominations } from "./framework/framework.ts"

const none: readonly PodInfo[] = []

/** Remembers on which node room is being made for which pod. */
export class Nominator implements Nominations {
  readonly #byNode = new Map<string, Map<string, PodInfo>>()
  readonly #nodeOf = new Map<string, string>()

  on(nodeName: string): readonly PodInfo[] {
    if (this.#byNode.size === 0) return none
    const pods = this.#byNode.get(nodeName)
    return pods ? [...pods.values()] : none
  }

  set(pod: PodInfo, nodeName: string): void {
    this.delete(pod.uid)
    const pods = this.#byNode.get(nodeName) ?? new Map<string, PodInfo>()
    pods.set(pod.uid, pod)
    this.#byNode.set(nodeName, pods)
    this.#nodeOf.set(pod.uid, nodeName)
  }

  delete(uid: string): void {
    const nodeName = this.#nodeOf.get(uid)
    if (nodeName === undefined) return
    this.#nodeOf.delete(uid)
    const pods = this.#byNode.get(nodeName)
    pods?.delete(uid)
    if (pods?.size === 0) this.#byNode.delete(nodeName)
  }

  nodeOf(uid: string): string | undefined {
    return this.#nodeOf.get(uid)
  }
}
