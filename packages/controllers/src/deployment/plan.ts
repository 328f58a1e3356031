import type { appsv1, corev1 } from "@ladya/api"
import { findCondition, newControllerRef, semanticEqual } from "@ladya/apimachinery"
import { shortHash } from "../shared/hash.ts"
import {
  byAge,
  byRevision,
  findNewReplicaSet,
  maxRevision,
  newReplicaSetAnnotations,
  revisionKey,
  templateHashLabel,
} from "./revisions.ts"
import {
  desiredAnnotation,
  desiredReplicasKey,
  isActive,
  isRollingUpdate,
  isSaturated,
  maxReplicasKey,
  maxSurgeOf,
  maxUnavailableOf,
  newReplicaSetSize,
  proportionOf,
  replicasOf,
  sumReplicas,
  sumStatus,
} from "./sizes.ts"
import {
  countedStatus,
  hasProgressDeadline,
  isComplete,
  progressCheckMs,
  rolloutStatus,
  withCondition,
} from "./status.ts"

type Deployment = appsv1.Deployment
type ReplicaSet = appsv1.ReplicaSet

export interface DeploymentInput {
  deployment: Deployment
  /** Those that belong to it. */
  replicaSets: readonly ReplicaSet[]
  /** The pods of a ReplicaSet, ended and terminating ones included. */
  podsOf(replicaSetUid: string): readonly corev1.Pod[]
  /** Milliseconds since the epoch. */
  now: number
}

export type DeploymentAction =
  | { kind: "create"; replicaSet: ReplicaSet }
  /** `scaled` when the size changes: then an event tells. */
  | { kind: "update"; replicaSet: ReplicaSet; scaled?: { from: number; to: number } }
  | { kind: "delete"; replicaSet: ReplicaSet }
  /** The revision that the Deployment's annotation shows. */
  | { kind: "setRevision"; revision: string }

export interface DeploymentPlan {
  actions: readonly DeploymentAction[]
  status: appsv1.DeploymentStatus
  /** When to look again without any event. */
  requeueMs: number | undefined
}

/** What moves a Deployment one step on: one kind of change at a time, so that each step rests on what was observed. */
export function planDeployment(input: DeploymentInput): DeploymentPlan {
  return new Planner(input).plan()
}

class Planner {
  readonly #deployment: Deployment
  readonly #podsOf: DeploymentInput["podsOf"]
  readonly #now: number
  readonly #actions: DeploymentAction[] = []
  #new: ReplicaSet | undefined
  #old: ReplicaSet[]
  #conditions: readonly appsv1.DeploymentCondition[]

  constructor({ deployment, replicaSets, podsOf, now }: DeploymentInput) {
    this.#deployment = deployment
    this.#podsOf = podsOf
    this.#now = now
    this.#new = findNewReplicaSet(deployment, replicaSets)
    this.#old = replicaSets.filter((one) => one !== this.#new).sort(byAge)
    this.#conditions = deployment.status?.conditions ?? []
  }

  plan(): DeploymentPlan {
    if (this.#deployment.metadata.deletionTimestamp) return this.#finish("counted")
    this.#notePause()
    this.#syncNew()
    if (this.#deployment.spec?.paused) {
      this.#scaleAll()
      this.#cleanUp()
      return this.#finish("counted")
    }
    if (this.#isScaling()) {
      this.#scaleAll()
      return this.#finish("counted")
    }
    if (isRollingUpdate(this.#deployment)) this.#rollingUpdate()
    else this.#recreate()
    return this.#finish("rollout")
  }

  #all(): ReplicaSet[] {
    return this.#new ? [...this.#old, this.#new] : this.#old
  }

  #finish(kind: "counted" | "rollout"): DeploymentPlan {
    const input = {
      deployment: this.#deployment,
      replicaSets: this.#all(),
      newReplicaSet: this.#new,
      conditions: this.#conditions,
      collisionCount: this.#deployment.status?.collisionCount,
      now: this.#now,
    }
    const status = kind === "counted" ? countedStatus(input) : rolloutStatus(input)
    const requeueMs = kind === "counted" ? undefined : progressCheckMs(this.#deployment, status, this.#now)
    return { actions: this.#actions, status, requeueMs }
  }

  /** A pause is no standstill: the deadline must not run meanwhile. */
  #notePause(): void {
    if (!hasProgressDeadline(this.#deployment)) return
    const current = findCondition(this.#conditions, "Progressing")
    if (current?.reason === "ProgressDeadlineExceeded") return
    const isPaused = this.#deployment.spec?.paused === true
    const knowsPause = current?.reason === "DeploymentPaused"
    if (isPaused && !knowsPause) this.#progress("Unknown", "DeploymentPaused", "Deployment is paused")
    if (!isPaused && knowsPause) this.#progress("Unknown", "DeploymentResumed", "Deployment is resumed")
  }

  #progress(status: string, reason: string, message: string): void {
    this.#conditions = withCondition(this.#conditions, { type: "Progressing", status, reason, message }, this.#now)
  }

  /** Brings annotations and minReadySeconds of the new ReplicaSet up to date, when there is one. */
  #syncNew(): void {
    const current = this.#new
    if (!current) return
    const annotations = newReplicaSetAnnotations(
      this.#deployment,
      current.metadata.annotations,
      maxRevision(this.#old) + 1n,
    )
    const minReadySeconds = this.#deployment.spec?.minReadySeconds ?? 0
    const isSame =
      semanticEqual(annotations, current.metadata.annotations) &&
      (current.spec?.minReadySeconds ?? 0) === minReadySeconds
    if (!isSame) {
      this.#put(current, { annotations, minReadySeconds })
    }
    this.#setRevision(annotations[revisionKey])
    if (hasProgressDeadline(this.#deployment) && !findCondition(this.#conditions, "Progressing")) {
      this.#progress("True", "FoundNewReplicaSet", `Found new replica set ${JSON.stringify(current.metadata.name)}`)
    }
  }

  #setRevision(revision: string | undefined): void {
    if (!revision || this.#deployment.metadata.annotations?.[revisionKey] === revision) return
    this.#actions.push({ kind: "setRevision", revision })
  }

  #isScaling(): boolean {
    return this.#all()
      .filter(isActive)
      .some((one) => {
        const desired = desiredAnnotation(one)
        return desired !== undefined && desired !== replicasOf(this.#deployment)
      })
  }

  /** Follows a change of the wanted number: the only active ReplicaSet takes it all, several share it. */
  #scaleAll(): void {
    const wanted = replicasOf(this.#deployment)
    const active = this.#all().filter(isActive)
    const only = active.length > 1 ? undefined : (active[0] ?? this.#new ?? this.#old.at(-1))
    if (only) {
      this.#resize(only, wanted)
      return
    }
    if (isSaturated(this.#deployment, this.#new)) {
      for (const old of this.#old.filter(isActive)) this.#resize(old, 0)
      return
    }
    if (isRollingUpdate(this.#deployment)) this.#scaleInProportion(active)
  }

  #scaleInProportion(active: readonly ReplicaSet[]): void {
    const wanted = replicasOf(this.#deployment)
    const allowed = wanted > 0 ? wanted + maxSurgeOf(this.#deployment) : 0
    const toAdd = allowed - sumReplicas(active)
    // The largest take the rounding; of equals the newest grow and the oldest shrink.
    const bySize = (a: ReplicaSet, b: ReplicaSet): number =>
      replicasOf(b) - replicasOf(a) || (toAdd > 0 ? byAge(b, a) : byAge(a, b))
    const ordered = active.toSorted(bySize)
    let added = 0
    const sizes = ordered.map((one) => {
      const part = proportionOf(this.#deployment, one, toAdd, added)
      added += part
      return replicasOf(one) + part
    })
    for (const [index, one] of ordered.entries()) {
      const rest = index === 0 && toAdd !== 0 ? toAdd - added : 0
      this.#resize(one, Math.max((sizes[index] ?? 0) + rest, 0), { evenIfSame: true })
    }
  }

  #rollingUpdate(): void {
    if (!this.#new) {
      this.#create()
      return
    }
    if (this.#growNew() || this.#shrinkOld()) return
    if (isComplete(this.#deployment, this.#finish("counted").status)) this.#cleanUp()
  }

  #growNew(): boolean {
    const current = this.#new
    if (!current) return false
    const wanted = replicasOf(this.#deployment)
    const size = replicasOf(current)
    if (size === wanted) return false
    const next = size > wanted ? wanted : newReplicaSetSize(this.#deployment, size, sumReplicas(this.#all()))
    return this.#resize(current, next)
  }

  /** Takes away old pods, but never more than may be missing: those that are not available first. */
  #shrinkOld(): boolean {
    if (sumReplicas(this.#old) === 0) return false
    const minAvailable = replicasOf(this.#deployment) - maxUnavailableOf(this.#deployment)
    const newUnavailable = this.#new ? replicasOf(this.#new) - (this.#new.status?.availableReplicas ?? 0) : 0
    const maxScaledDown = sumReplicas(this.#all()) - minAvailable - newUnavailable
    if (maxScaledDown <= 0) return false
    const unhealthy = this.#shrinkUnhealthy(maxScaledDown)
    const healthy = this.#shrinkHealthy(minAvailable)
    return unhealthy || healthy
  }

  #shrinkUnhealthy(limit: number): boolean {
    let left = limit
    for (const old of this.#old.filter(isActive)) {
      if (left <= 0) break
      const unhealthy = replicasOf(old) - (old.status?.availableReplicas ?? 0)
      const taken = Math.min(left, unhealthy)
      if (taken <= 0) continue
      left -= taken
      this.#resize(old, replicasOf(old) - taken)
    }
    return left < limit
  }

  #shrinkHealthy(minAvailable: number): boolean {
    const limit = sumStatus(this.#all(), "availableReplicas") - minAvailable
    let left = limit
    for (const old of this.#old.filter(isActive)) {
      if (left <= 0) break
      const taken = Math.min(left, replicasOf(old))
      left -= taken
      this.#resize(old, replicasOf(old) - taken)
    }
    return limit > 0 && left < limit
  }

  #recreate(): void {
    const active = this.#old.filter(isActive)
    if (active.length > 0) {
      for (const old of active) this.#resize(old, 0)
      return
    }
    if (this.#oldPodsRun()) return
    if (!this.#new) {
      this.#create()
      return
    }
    if (this.#resize(this.#new, replicasOf(this.#deployment))) return
    if (isComplete(this.#deployment, this.#finish("counted").status)) this.#cleanUp()
  }

  #oldPodsRun(): boolean {
    return this.#old.some(
      (old) =>
        (old.status?.replicas ?? 0) > 0 ||
        this.#podsOf(old.metadata.uid ?? "").some(
          (pod) => pod.status?.phase !== "Succeeded" && pod.status?.phase !== "Failed",
        ),
    )
  }

  #create(): void {
    const deployment = this.#deployment
    const template = deployment.spec?.template ?? {}
    const hash = shortHash(template, deployment.status?.collisionCount ?? 0)
    const labels = { ...template.metadata?.labels, [templateHashLabel]: hash }
    const revision = maxRevision(this.#old) + 1n
    const size = newReplicaSetSize(deployment, 0, sumReplicas(this.#old))
    const { minReadySeconds } = deployment.spec ?? {}
    const replicaSet: ReplicaSet = {
      apiVersion: "apps/v1",
      kind: "ReplicaSet",
      metadata: {
        name: `${deployment.metadata.name}-${hash}`,
        namespace: deployment.metadata.namespace ?? "",
        labels,
        annotations: {
          ...newReplicaSetAnnotations(deployment, undefined, revision),
          ...this.#sizeAnnotations(),
        },
        ownerReferences: [newControllerRef(deployment)],
      },
      spec: {
        replicas: size,
        ...(minReadySeconds ? { minReadySeconds } : {}),
        selector: {
          ...deployment.spec?.selector,
          matchLabels: { ...deployment.spec?.selector.matchLabels, [templateHashLabel]: hash },
        },
        template: { ...template, metadata: { ...template.metadata, labels } },
      },
    }
    this.#new = replicaSet
    this.#actions.push({ kind: "create", replicaSet })
    this.#setRevision(String(revision))
    if (hasProgressDeadline(deployment)) {
      const message = `Created new replica set ${JSON.stringify(replicaSet.metadata.name)}`
      this.#progress("True", "NewReplicaSetCreated", message)
    }
  }

  #sizeAnnotations(): Record<string, string> {
    const wanted = replicasOf(this.#deployment)
    return {
      [desiredReplicasKey]: String(wanted),
      [maxReplicasKey]: String(wanted + maxSurgeOf(this.#deployment)),
    }
  }

  /** True when the size changes. Without `evenIfSame` a ReplicaSet of the right size is left alone. */
  #resize(replicaSet: ReplicaSet, to: number, options: { evenIfSame?: boolean } = {}): boolean {
    const from = replicasOf(replicaSet)
    if (from === to && !options.evenIfSame) return false
    const annotations = { ...replicaSet.metadata.annotations, ...this.#sizeAnnotations() }
    if (from === to && semanticEqual(annotations, replicaSet.metadata.annotations)) return false
    this.#put(replicaSet, { annotations, replicas: to }, from === to ? undefined : { from, to })
    return from !== to
  }

  /** Replaces a ReplicaSet by a changed one, here and in the actions: two changes of one are one write. */
  #put(
    current: ReplicaSet,
    change: { annotations: Record<string, string>; replicas?: number; minReadySeconds?: number },
    scaled?: { from: number; to: number },
  ): void {
    const { annotations, ...spec } = change
    const replicaSet: ReplicaSet = {
      ...current,
      metadata: { ...current.metadata, annotations },
      spec: { ...(current.spec as appsv1.ReplicaSetSpec), ...spec },
    }
    if (current === this.#new) this.#new = replicaSet
    else this.#old = this.#old.map((one) => (one === current ? replicaSet : one))
    const index = this.#actions.findIndex((action) => "replicaSet" in action && action.replicaSet === current)
    const earlier = this.#actions[index]
    if (earlier?.kind !== "update") {
      this.#actions.push({ kind: "update", replicaSet, ...(scaled ? { scaled } : {}) })
      return
    }
    const whole = earlier.scaled && scaled ? { from: earlier.scaled.from, to: scaled.to } : (scaled ?? earlier.scaled)
    this.#actions[index] = { kind: "update", replicaSet, ...(whole ? { scaled: whole } : {}) }
  }

  /** Forgets the oldest revisions beyond the limit; only ReplicaSets that are empty and settled. */
  #cleanUp(): void {
    const limit = this.#deployment.spec?.revisionHistoryLimit
    if (limit === undefined || limit === 2 ** 31 - 1) return
    const alive = this.#old.filter((one) => !one.metadata.deletionTimestamp)
    const surplus = alive.length - limit
    if (surplus <= 0) return
    for (const replicaSet of alive.sort(byRevision).slice(0, surplus)) {
      const { generation = 0 } = replicaSet.metadata
      const isSettled =
        (replicaSet.status?.replicas ?? 0) === 0 &&
        replicasOf(replicaSet) === 0 &&
        generation <= (replicaSet.status?.observedGeneration ?? 0)
      if (isSettled) this.#actions.push({ kind: "delete", replicaSet })
    }
  }
}
