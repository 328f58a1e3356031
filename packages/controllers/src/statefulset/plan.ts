import { type appsv1, compact, type corev1, isPodAvailable, isPodReady } from "@ladya/api"
import { resolveIntOrPercent } from "@ladya/apimachinery"
import { count } from "../shared/status.ts"
import { isStale, keepsAllClaims, withOwners } from "./claims.ts"
import { claimsOf, memberPod, ordinalOf, podName, revisionOf, withIdentity } from "./identity.ts"

type StatefulSet = appsv1.StatefulSet
type Pod = corev1.Pod
type Claim = corev1.PersistentVolumeClaim

export interface Revision {
  name: string
  template: corev1.PodTemplateSpec
}

export interface StatefulInput {
  set: StatefulSet
  /** What the set has rolled out, and what it is to be. */
  current: Revision
  update: Revision
  /** Its pods. */
  pods: readonly Pod[]
  claim(name: string): Claim | undefined
  collisionCount: number
  now: number
}

export type StatefulAction =
  | { kind: "createClaim"; claim: Claim; pod: string }
  | { kind: "updateClaim"; claim: Claim }
  | { kind: "createPod"; pod: Pod }
  | { kind: "updatePod"; pod: Pod }
  | { kind: "deletePod"; pod: Pod; because?: "failed" | "ended" }

export interface StatefulPlan {
  actions: readonly StatefulAction[]
  status: appsv1.StatefulSetStatus
}

const isTerminating = (pod: Pod): boolean => pod.metadata.deletionTimestamp !== undefined
const isRunningAndReady = (pod: Pod): boolean => pod.status?.phase === "Running" && isPodReady(pod)
const isHealthy = (pod: Pod): boolean => isRunningAndReady(pod) && !isTerminating(pod)

/** What brings a StatefulSet one step on: in order, one member after the other, unless it says `Parallel`. */
export function planStatefulSet(input: StatefulInput): StatefulPlan {
  return new Planner(input).plan()
}

class Planner {
  readonly #input: StatefulInput
  readonly #set: StatefulSet
  readonly #isOrdered: boolean
  readonly #minReady: number
  readonly #start: number
  readonly #replicas: number
  readonly #members: (Pod | undefined)[]
  readonly #condemned: Pod[]
  readonly #actions: StatefulAction[] = []

  constructor(input: StatefulInput) {
    const { set, pods } = input
    this.#input = input
    this.#set = set
    this.#isOrdered = (set.spec?.podManagementPolicy ?? "OrderedReady") === "OrderedReady"
    this.#minReady = set.spec?.minReadySeconds ?? 0
    this.#start = set.spec?.ordinals?.start ?? 0
    this.#replicas = set.spec?.replicas ?? 1
    this.#members = new Array<Pod | undefined>(this.#replicas).fill(undefined)
    const condemned: { pod: Pod; ordinal: number }[] = []
    for (const pod of pods) {
      const ordinal = ordinalOf(set, pod)
      if (ordinal === undefined) continue
      const index = ordinal - this.#start
      if (index >= 0 && index < this.#replicas) this.#members[index] = pod
      else condemned.push({ pod, ordinal })
    }
    this.#condemned = condemned.sort((a, b) => b.ordinal - a.ordinal).map(({ pod }) => pod)
  }

  plan(): StatefulPlan {
    if (!this.#set.metadata.deletionTimestamp) {
      // Each stage goes on only where nothing before it is still to be waited for.
      const isSettled = this.#fill() && this.#scaleDown()
      if (isSettled && (this.#set.spec?.updateStrategy?.type ?? "RollingUpdate") === "RollingUpdate") this.#roll()
    }
    return { actions: this.#actions, status: this.#status() }
  }

  /** Sees to it that every member is there; false when it has to wait for one. */
  #fill(): boolean {
    for (let index = 0; index < this.#replicas; index++) {
      const goOn = this.#fillOne(index + this.#start, this.#members[index])
      if (!goOn && this.#isOrdered) return false
    }
    return true
  }

  #fillOne(ordinal: number, pod: Pod | undefined): boolean {
    if (!pod) {
      this.#createMember(ordinal)
      return false
    }
    const { phase } = pod.status ?? {}
    if (phase === "Failed" || phase === "Succeeded") {
      if (!isTerminating(pod)) {
        this.#actions.push({ kind: "deletePod", pod, because: phase === "Failed" ? "failed" : "ended" })
      }
      return false
    }
    if (isTerminating(pod)) return false
    const right = withIdentity(this.#set, pod, ordinal)
    if (right) this.#actions.push({ kind: "updatePod", pod: right })
    if (phase === "Pending" || phase === undefined) this.#createClaims(ordinal)
    this.#ownClaims(pod, ordinal, false)
    return isPodAvailable(pod, this.#minReady, this.#input.now) && isRunningAndReady(pod)
  }

  #createMember(ordinal: number): void {
    const name = podName(this.#set, ordinal)
    const present = claimsOf(this.#set, ordinal).map((claim) => this.#input.claim(claim.metadata.name ?? ""))
    // The claim of the member before, on its way out: the next look finds it gone, and makes a new one.
    if (present.some((claim) => claim && isStale(claim, name))) return
    this.#createClaims(ordinal)
    const { current, update } = this.#input
    const revision = this.#needsCurrent(ordinal) ? current : update
    this.#actions.push({ kind: "createPod", pod: memberPod(this.#set, revision.template, revision.name, ordinal) })
  }

  /** Members below the partition stay with the old revision. */
  #needsCurrent(ordinal: number): boolean {
    const { type = "RollingUpdate", rollingUpdate } = this.#set.spec?.updateStrategy ?? {}
    return type === "RollingUpdate" && ordinal < this.#start + (rollingUpdate?.partition ?? 0)
  }

  #createClaims(ordinal: number): void {
    for (const claim of claimsOf(this.#set, ordinal)) {
      if (this.#input.claim(claim.metadata.name ?? "")) continue
      this.#actions.push({ kind: "createClaim", claim, pod: podName(this.#set, ordinal) })
    }
  }

  #ownClaims(pod: Pod, ordinal: number, isCondemned: boolean): void {
    const templates = claimsOf(this.#set, ordinal)
    for (const { metadata } of templates) {
      const present = this.#input.claim(metadata.name ?? "")
      if (!present) continue
      // Nothing was ever owned, and nothing is to be.
      if (keepsAllClaims(this.#set) && !present.metadata.ownerReferences) continue
      const owned = withOwners(this.#set, pod, present, isCondemned)
      if (owned) this.#actions.push({ kind: "updateClaim", claim: owned })
    }
  }

  /** Takes members away that are beyond the wanted number, the highest first; false when it has to wait. */
  #scaleDown(): boolean {
    const firstUnhealthy = [...this.#members, ...this.#condemned.toReversed()].find((pod) => pod && !isHealthy(pod))
    for (const pod of this.#condemned) {
      if (isTerminating(pod)) {
        if (this.#isOrdered) return false
        continue
      }
      const isAvailable = isRunningAndReady(pod) && isPodAvailable(pod, this.#minReady, this.#input.now)
      if (this.#isOrdered && !isAvailable && pod !== firstUnhealthy) return false
      this.#ownClaims(pod, ordinalOf(this.#set, pod) ?? 0, true)
      this.#actions.push({ kind: "deletePod", pod })
      if (this.#isOrdered) return false
    }
    return true
  }

  /** Replaces members of the old revision, from the highest down to the partition. */
  #roll(): void {
    const { rollingUpdate } = this.#set.spec?.updateStrategy ?? {}
    const lowest = rollingUpdate?.partition ?? 0
    const allowed = Math.max(
      resolveIntOrPercent(rollingUpdate?.maxUnavailable ?? 1, this.#replicas, { round: "up" }),
      1,
    )
    const isOld = (pod: Pod): boolean => revisionOf(pod) !== this.#input.update.name
    const isDown = (pod: Pod | undefined): boolean =>
      !pod || !isHealthy(pod) || !isPodAvailable(pod, this.#minReady, this.#input.now)
    // Old members that serve nobody are replaced in any case: waiting for them would be waiting for ever.
    let down = this.#members.filter((pod) => isDown(pod) && !(pod && isOld(pod) && !isTerminating(pod))).length
    for (let index = this.#replicas - 1; index >= lowest; index--) {
      const pod = this.#members[index]
      if (down >= allowed) return
      if (!pod || !isOld(pod) || isTerminating(pod)) continue
      this.#actions.push({ kind: "deletePod", pod })
      down++
    }
  }

  #status(): appsv1.StatefulSetStatus {
    const { set, current, update, pods, now, collisionCount } = this.#input
    const members = pods.filter((pod) => ordinalOf(set, pod) !== undefined)
    const of = (revision: Revision): number =>
      members.filter((pod) => !isTerminating(pod) && revisionOf(pod) === revision.name).length
    const replicas = members.length
    const ready = members.filter(isRunningAndReady).length
    const updated = of(update)
    const isRolling = (set.spec?.updateStrategy?.type ?? "RollingUpdate") === "RollingUpdate"
    const isComplete =
      isRolling && updated === this.#replicas && replicas === this.#replicas && ready === this.#replicas
    const rolledOut = isComplete ? update : current
    return compact({
      observedGeneration: set.metadata.generation,
      replicas,
      readyReplicas: count(ready),
      availableReplicas: members.filter((pod) => isRunningAndReady(pod) && isPodAvailable(pod, this.#minReady, now))
        .length,
      currentReplicas: count(of(rolledOut)),
      updatedReplicas: count(updated),
      currentRevision: rolledOut.name,
      updateRevision: update.name,
      collisionCount,
      conditions: set.status?.conditions,
    })
  }
}
