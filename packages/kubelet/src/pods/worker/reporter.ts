import type { ObservedPod } from "../../runtime/observed.ts"
import { type PodStatusInput, podStatus } from "../../status/pod-status.ts"
import { terminationMessage } from "../../status/termination-message.ts"
import type { Pod } from "../pod.ts"
import type { WorkerDeps } from "./worker-deps.ts"

export type Report = Pick<PodStatusInput, "finished" | "waiting" | "passing"> & {
  failure: PodStatusInput["failure"] | undefined
}

/** Tells the API of one pod what the runtime has of it. */
export class PodReporter {
  readonly #deps: WorkerDeps
  /** Last words by container id. */
  readonly #messages = new Map<string, string>()

  constructor(deps: WorkerDeps) {
    this.#deps = deps
  }

  async report(pod: Pod, observed: ObservedPod, { failure, ...report }: Report): Promise<void> {
    const { status, clock, probes, timeText, hostIps } = this.#deps
    await this.#readMessages(observed)
    const next = podStatus({
      ...report,
      ...(failure ? { failure } : {}),
      pod,
      previous: status.current(pod),
      observed,
      hostIps: hostIps(),
      nowMs: clock.now(),
      timeText,
      probes: (id) => probes.state(id),
      terminationMessage: ({ id }) => this.#messages.get(id) ?? "",
    })
    status.set(pod, next)
  }

  /** Last words are read once, when a container has ended. */
  async #readMessages(observed: ObservedPod): Promise<void> {
    for (const container of observed.containers) {
      if (container.state !== "exited" || this.#messages.has(container.id)) continue
      this.#messages.set(container.id, await terminationMessage(container))
    }
    for (const id of this.#messages.keys()) {
      if (!observed.containers.some((container) => container.id === id)) this.#messages.delete(id)
    }
  }
}
