import { errorMessage } from "@ladya/util"
import { linuxResources } from "../../runtime/linux-resources.ts"
import type { ObservedPod, ObservedSandbox } from "../../runtime/observed.ts"
import type { ConditionFact } from "../../status/conditions.ts"
import type { ContainerKill } from "../plan/plan.ts"
import type { Pod } from "../pod.ts"
import type { WorkerDeps } from "../worker/worker-deps.ts"
import {
  type ContainerResize,
  containerResizes,
  grantedBefore,
  type Resources,
  resizeKill,
  resourcesOf,
  withResources,
} from "./resize.ts"

/** How often a resize that has to wait, or that the kernel refused, is tried again. */
const retryMs = 10_000

export interface ResizeOutcome {
  /** Containers that must be started anew. */
  kill: readonly ContainerKill[]
  /** Whether something was changed in the runtime. */
  changed: boolean
  /** When to try again, in milliseconds. */
  retryMs: number | undefined
}

type ResizerDeps = Pick<WorkerDeps, "runtime" | "cgroups" | "resize" | "memoryCapacityBytes">

/** The resources of one pod's containers: what the node grants of what is asked for, and how it gets into force. */
export class PodResizer {
  readonly #deps: ResizerDeps
  #granted: ReadonlyMap<string, Resources> | undefined
  /** What containers were given after they were made, by id. */
  readonly #applied = new Map<string, Resources>()
  /** The pod as it was granted before the change that is under way. */
  #before: Pod | undefined
  #pending: ConditionFact | undefined
  #progress: ConditionFact | undefined

  constructor(deps: ResizerDeps) {
    this.#deps = deps
  }

  /** The pod's conditions of the moment. */
  get conditions(): ConditionFact[] {
    return [this.#pending, this.#progress].filter((condition) => condition !== undefined)
  }

  /** The pod with the resources it has been granted. */
  granted(pod: Pod): Pod {
    return this.#granted ? withResources(pod, this.#granted) : pod
  }

  /** Decides on what the pod asks for, and gives the pod with what it gets. */
  decide(asked: Pod, ranBefore: boolean): Pod {
    this.#granted ??= grantedBefore(ranBefore ? asked : { ...asked, status: {} })
    const now = withResources(asked, this.#granted)
    const plan = this.#deps.resize(asked, now)
    this.#pending = undefined
    if (plan.kind === "none") return now
    if (plan.kind === "pending") {
      const { reason, message } = plan
      this.#pending = { type: "PodResizePending", status: "True", reason, message }
      return now
    }
    this.#before ??= now
    this.#granted = grantedBefore({ ...asked, status: {} })
    this.#progress = { type: "PodResizeInProgress", status: "True" }
    return asked
  }

  /** Gives running containers what was granted. */
  async actuate(granted: Pod, observed: ObservedPod, sandbox: ObservedSandbox): Promise<ResizeOutcome> {
    const resizes = containerResizes(granted, observed, sandbox, this.#applied)
    const waitMs = this.#pending?.reason === "Deferred" ? retryMs : undefined
    if (resizes.length === 0) {
      if (this.#before) await this.#deps.cgroups.ensure(granted)
      const changed = this.#progress !== undefined
      this.#before = undefined
      this.#progress = undefined
      return { kill: [], changed, retryMs: waitMs }
    }
    // While containers go from one limit to the other the pod may have the larger of both.
    await this.#deps.cgroups.ensure(granted, this.#before)
    let failed = false
    for (const resize of resizes) {
      if (!resize.restart && !(await this.#update(granted, resize))) failed = true
    }
    const kill = resizes.filter(({ restart }) => restart).map(resizeKill)
    return { kill, changed: !failed, retryMs: failed ? retryMs : waitMs }
  }

  async #update(granted: Pod, { container, observed }: ContainerResize): Promise<boolean> {
    const { runtime, cgroups, memoryCapacityBytes } = this.#deps
    const resources = linuxResources({
      ...{ pod: granted, container, cgroupVersion: cgroups.version },
      memoryCapacityBytes: memoryCapacityBytes(),
    })
    try {
      await this.#checkUsage(granted, observed.id, resources.memoryLimitInBytes)
      // What is left out would stay as it was: name the limits that are gone.
      await runtime.updateContainerResources(observed.id, { cpuQuota: -1, memoryLimitInBytes: -1, ...resources })
      this.#applied.set(observed.id, resourcesOf(container.resources))
      return true
    } catch (error) {
      const message = `container ${container.name}: ${errorMessage(error)}`
      this.#progress = { type: "PodResizeInProgress", status: "True", reason: "Error", message }
      return false
    }
  }

  /** A limit below what is used would have the container killed: better to wait until it uses less. */
  async #checkUsage(granted: Pod, containerId: string, limit: number | undefined): Promise<void> {
    const usage = limit === undefined ? undefined : await this.#deps.cgroups.memoryUsage(granted, containerId)
    if (limit === undefined || usage === undefined || limit >= usage) return
    throw new Error(`attempting to set memory limit (${limit}) below current usage (${usage})`)
  }
}
