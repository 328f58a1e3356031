import { type ObservedPod, runningContainers } from "../../runtime/observed.ts"
import { isHostNetwork, type Pod } from "../pod.ts"
import { removeRemains } from "./remains.ts"
import { stopSandboxes } from "./sandbox-steps.ts"
import type { WorkerDeps } from "./worker-deps.ts"

export interface Ending {
  graceSeconds: number
  /** The node agent's own verdict on the pod. */
  failure?: { reason: string; message: string }
}

export interface StopInput {
  uid: string
  /** With the resources that it was granted; undefined for what only the runtime knows. */
  pod: Pod | undefined
  ending: Ending | undefined
  signal: AbortSignal
  publish(pod: Pod, observed: ObservedPod): Promise<void>
}

/** Stops everything of a pod; returns what the runtime has of it then. Rejects while anything still runs. */
export async function stopPod(deps: WorkerDeps, input: StopInput): Promise<ObservedPod> {
  const { cache, killer, probes } = deps
  const { uid, pod, ending, signal } = input
  const observed = await cache.get(uid)
  probes.terminating(uid)
  if (pod && !ending?.failure) await input.publish(pod, observed)
  const podIp = (pod && isHostNetwork(pod) ? deps.hostIps()[0] : observed.sandboxes[0]?.ips[0]) ?? ""
  const graceSeconds = ending?.graceSeconds ?? 0
  try {
    if (runningContainers(observed).length > 0) {
      await killer.killContainers({ pod, observed, podIp, graceSeconds, signal })
    }
    await stopSandboxes(deps, observed)
  } finally {
    if (observed.sandboxes.length > 0) cache.mark(uid)
  }
  const after = await cache.get(uid)
  const [left] = runningContainers(after)
  if (left) throw new Error(`container ${left.name} is still running`)
  probes.remove(uid)
  return after
}

/** Gives back what a pod that has ended holds on the node, and at last the pod itself. */
export class PodRelease {
  readonly #deps: WorkerDeps
  readonly #uid: string
  #released = false
  #finalized = false

  constructor(deps: WorkerDeps, uid: string) {
    this.#deps = deps
    this.#uid = uid
  }

  /** `podOf` gives nothing when the API does not have the pod any more. Resolves to whether nothing of it is left. */
  async advance(podOf: () => Pod | undefined): Promise<boolean> {
    const { volumes, cgroups, puller, status } = this.#deps
    if (!this.#released) {
      await volumes.unmount(this.#uid)
      await cgroups.remove(this.#uid)
      puller.forget(this.#uid)
      this.#released = true
    }
    const pod = podOf()
    if (pod) {
      if (pod.metadata.deletionTimestamp === undefined) return false
      await status.flushed(this.#uid)
      if (!this.#finalized) await status.finalize(pod)
      this.#finalized = true
    }
    await removeRemains(this.#deps, this.#uid)
    return true
  }
}
