import { type batchv1, compact, type corev1, isPodActive, isPodReady } from "@ladya/api"
import { findCondition, formatTime, isConditionTrue, parseTime, setCondition } from "@ladya/apimachinery"
import { count } from "../shared/status.ts"
import { decidedOutcome, type Outcome, withOutcome } from "./conditions.ts"
import { countIndexes, formatIndexes, hasIndex, parseIndexes, type Ranges, withIndexes } from "./indexes.ts"
import {
  failuresBefore,
  finishTime,
  hasFailed,
  type IndexAssignment,
  indexOf,
  isIndexed,
  isTerminating,
  isTracked,
  replacesOnlyFailed,
} from "./pods.ts"
import { failureAction, successMessage } from "./policies.ts"

type Job = batchv1.Job
type Pod = corev1.Pod

/** Failures in a row of a Job's pods, which slow the next one down. */
export interface FailureRecord {
  failures: number
  lastFailureMs: number
}

export interface JobInput {
  job: Job
  /** Its pods, ended ones included. */
  pods: readonly Pod[]
  record: FailureRecord
  now: number
}

export interface JobPlan {
  status: batchv1.JobStatus
  /** A pod for each: with an index where the Job has them. */
  create: (IndexAssignment | undefined)[]
  /** Pods of a Job that ends: they count, by how they end. */
  remove: Pod[]
  /** Pods that are too many, or of a Job that is suspended: they do not count at all. */
  discard: Pod[]
  /** Ended pods that the status accounts for, once it is written: their finalizer can go. */
  release: Pod[]
  events: { type: "Normal" | "Warning"; reason: string; message: string }[]
  record: FailureRecord
  requeueMs: number | undefined
}

/** No more pods are created or deleted in one go. */
const maxPodsPerSync = 500
/** No more pods are accounted for in one go: their uids stand in the status. */
const maxUncounted = 500
const backoffInitialMs = 10_000
const backoffMaxMs = 600_000

export function planJob(input: JobInput): JobPlan {
  return new Planner(input).plan()
}

class Planner {
  readonly #job: Job
  readonly #spec: batchv1.JobSpec
  readonly #pods: readonly Pod[]
  readonly #active: Pod[]
  readonly #now: number
  readonly #plan: JobPlan
  #conditions: readonly batchv1.JobCondition[]
  #startTime: string | undefined
  #succeeded: number
  #failed: number
  #completed: Ranges = []
  #failedIndexes: Ranges = []
  #uncounted: { succeeded: string[]; failed: string[] }
  /** Failed pods that were not accounted for before. */
  readonly #newFailed: Pod[] = []
  #failJobMessage: string | undefined

  constructor({ job, pods, record, now }: JobInput) {
    this.#job = job
    this.#spec = job.spec ?? { template: {} }
    this.#pods = pods
    this.#active = pods.filter(isPodActive)
    this.#now = now
    const status = job.status ?? {}
    this.#conditions = status.conditions ?? []
    this.#startTime = status.startTime
    this.#succeeded = status.succeeded ?? 0
    this.#failed = status.failed ?? 0
    this.#uncounted = {
      succeeded: [...(status.uncountedTerminatedPods?.succeeded ?? [])],
      failed: [...(status.uncountedTerminatedPods?.failed ?? [])],
    }
    if (isIndexed(job)) {
      this.#completed = parseIndexes(status.completedIndexes, this.#completions)
      this.#failedIndexes = parseIndexes(status.failedIndexes, this.#completions)
    }
    this.#plan = { status, create: [], remove: [], discard: [], release: [], events: [], record, requeueMs: undefined }
  }

  get #completions(): number {
    return this.#spec.completions ?? Number.POSITIVE_INFINITY
  }

  plan(): JobPlan {
    if (!this.#startTime && !this.#spec.suspend) this.#startTime = formatTime(this.#now)
    this.#countReleased()
    this.#countEnded()
    const outcome = decidedOutcome(this.#job) ?? this.#failure() ?? this.#success()
    let active = this.#active.length
    if (outcome) {
      this.#plan.remove.push(...this.#active.slice(0, maxPodsPerSync))
      active -= this.#plan.remove.length
    } else if (!this.#job.metadata.deletionTimestamp) {
      this.#suspend()
      active = this.#manage()
    }
    // Completions can be reached with nothing left to manage.
    const decided = outcome ?? (this.#job.metadata.deletionTimestamp ? undefined : this.#completion(active))
    if (decided) this.#decide(decided, active)
    this.#plan.status = this.#status(active)
    return this.#plan
  }

  /** Pods that the status lists and that are released, or gone, move into the counters. */
  #countReleased(): void {
    const held = new Set(this.#pods.filter(isTracked).map((pod) => pod.metadata.uid ?? ""))
    const stillHeld = (uid: string): boolean => held.has(uid)
    const { succeeded, failed } = this.#uncounted
    const next = { succeeded: succeeded.filter(stillHeld), failed: failed.filter(stillHeld) }
    this.#succeeded += succeeded.length - next.succeeded.length
    this.#failed += failed.length - next.failed.length
    this.#uncounted = next
  }

  /** Ended pods are written down, to be released when that is safe in the store. */
  #countEnded(): void {
    const known = new Set([...this.#uncounted.succeeded, ...this.#uncounted.failed])
    const ended = this.#pods
      .filter((pod) => isTracked(pod) && (pod.status?.phase === "Succeeded" || hasFailed(this.#job, pod)))
      .sort((a, b) => finishTime(a, this.#now) - finishTime(b, this.#now))
    const newlyCompleted = new Set<number>()
    for (const pod of ended) {
      if (this.#plan.release.length >= maxUncounted) break
      this.#plan.release.push(pod)
      const uid = pod.metadata.uid ?? ""
      if (known.has(uid)) continue
      if (pod.status?.phase === "Succeeded") this.#countSucceeded(pod, uid, newlyCompleted)
      else this.#countFailed(pod, uid)
    }
    if (isIndexed(this.#job)) {
      this.#completed = withIndexes(this.#completed, newlyCompleted)
      this.#succeeded = countIndexes(this.#completed)
    }
  }

  #countSucceeded(pod: Pod, uid: string, newlyCompleted: Set<number>): void {
    if (isIndexed(this.#job)) {
      const index = indexOf(pod)
      // An index that was done already, or that is none, is nothing new.
      if (index >= 0 && index < this.#completions && !hasIndex(this.#completed, index)) newlyCompleted.add(index)
      else return
    } else this.#uncounted.succeeded.push(uid)
    this.#plan.record = { failures: 0, lastFailureMs: 0 }
  }

  #countFailed(pod: Pod, uid: string): void {
    const found = pod.status?.phase === "Failed" ? failureAction(this.#spec.podFailurePolicy, pod) : undefined
    if (found?.action === "FailJob") this.#failJobMessage ??= found.message
    if (found?.action === "Ignore") return
    this.#uncounted.failed.push(uid)
    this.#newFailed.push(pod)
    const { failures } = this.#plan.record
    this.#plan.record = { failures: failures + 1, lastFailureMs: finishTime(pod, this.#now) }
    if (this.#spec.backoffLimitPerIndex === undefined || !isIndexed(this.#job)) return
    const index = indexOf(pod)
    if (index < 0 || index >= this.#completions || hasIndex(this.#completed, index)) return
    const isOver = failuresBefore(pod).counted >= this.#spec.backoffLimitPerIndex
    if (isOver || found?.action === "FailIndex") this.#failedIndexes = withIndexes(this.#failedIndexes, [index])
  }

  #allSucceeded(): number {
    return this.#succeeded + this.#uncounted.succeeded.length
  }

  #allFailed(): number {
    return this.#failed + this.#uncounted.failed.length
  }

  #failure(): Outcome | undefined {
    const failed = (reason: string, message: string): Outcome => ({ kind: "failed", reason, message })
    if (this.#failJobMessage) return failed("PodFailurePolicy", this.#failJobMessage)
    const backoffLimit = this.#spec.backoffLimit ?? 6
    if (this.#allFailed() > backoffLimit || this.#restartsExceed(backoffLimit)) {
      return failed("BackoffLimitExceeded", "Job has reached the specified backoff limit")
    }
    const deadline = this.#deadlineMs()
    if (deadline !== undefined) {
      if (deadline <= this.#now) return failed("DeadlineExceeded", "Job was active longer than specified deadline")
      this.#requeue(deadline - this.#now)
    }
    if (this.#spec.backoffLimitPerIndex === undefined || !isIndexed(this.#job)) return undefined
    const failedIndexes = countIndexes(this.#failedIndexes)
    if (this.#spec.maxFailedIndexes !== undefined && failedIndexes > this.#spec.maxFailedIndexes) {
      const message = "Job has exceeded the specified maximal number of failed indexes"
      return failed("MaxFailedIndexesExceeded", message)
    }
    if (failedIndexes > 0 && failedIndexes + countIndexes(this.#completed) >= this.#completions) {
      return failed("FailedIndexes", "Job has failed indexes")
    }
    return undefined
  }

  /** Where containers are restarted in place, their restarts count as failures. */
  #restartsExceed(backoffLimit: number): boolean {
    if (this.#spec.template.spec?.restartPolicy !== "OnFailure") return false
    let restarts = 0
    for (const { status } of this.#pods) {
      if (status?.phase !== "Running" && status?.phase !== "Pending") continue
      for (const one of [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])]) {
        restarts += one.restartCount ?? 0
      }
    }
    return backoffLimit === 0 ? restarts > 0 : restarts >= backoffLimit
  }

  #deadlineMs(): number | undefined {
    const { activeDeadlineSeconds, suspend } = this.#spec
    const start = parseTime(this.#startTime)
    if (activeDeadlineSeconds === undefined || start === undefined || suspend) return undefined
    return start + activeDeadlineSeconds * 1000
  }

  #success(): Outcome | undefined {
    if (!isIndexed(this.#job)) return undefined
    const message = successMessage(this.#spec.successPolicy, this.#completed)
    return message === undefined ? undefined : { kind: "succeeded", reason: "SuccessPolicy", message }
  }

  #completion(active: number): Outcome | undefined {
    const succeeded = this.#allSucceeded()
    const isReached =
      this.#spec.completions === undefined
        ? succeeded > 0 && active === 0 && !this.#pods.some(isTerminating)
        : succeeded >= this.#spec.completions
    if (!isReached || this.#spec.suspend) return undefined
    return {
      kind: "succeeded",
      reason: "CompletionsReached",
      message: "Reached expected number of succeeded pods",
    }
  }

  #suspend(): void {
    const wasSuspended = isConditionTrue(this.#conditions, "Suspended")
    const isSuspended = this.#spec.suspend === true
    if (isSuspended === wasSuspended) return
    if (isSuspended) {
      this.#setSuspended("True", "JobSuspended", "Job suspended")
      this.#plan.events.push({ type: "Normal", reason: "Suspended", message: "Job suspended" })
      return
    }
    // Whatever ran before does not count against the deadline.
    this.#setSuspended("False", "JobResumed", "Job resumed")
    this.#plan.events.push({ type: "Normal", reason: "Resumed", message: "Job resumed" })
    this.#startTime = formatTime(this.#now)
    const { activeDeadlineSeconds } = this.#spec
    if (activeDeadlineSeconds !== undefined) this.#requeue(activeDeadlineSeconds * 1000)
  }

  #setSuspended(status: string, reason: string, message: string): void {
    this.#conditions = setCondition(this.#conditions, { type: "Suspended", status, reason, message }, this.#now)
  }

  /** Brings the number of running pods to the wanted one; returns how many there are afterwards. */
  #manage(): number {
    const active = this.#active.length
    if (this.#spec.suspend) {
      this.#plan.discard.push(...this.#active.slice(0, maxPodsPerSync))
      return active - this.#plan.discard.length
    }
    const parallelism = this.#spec.parallelism ?? 1
    const succeeded = this.#allSucceeded()
    const wanted =
      this.#spec.completions === undefined
        ? succeeded > 0
          ? active
          : parallelism
        : Math.max(Math.min(this.#spec.completions - succeeded, parallelism), 0)
    const surplus = this.#surplus(wanted)
    if (surplus.length > 0) {
      this.#plan.discard.push(...surplus.slice(0, maxPodsPerSync))
      return active - this.#plan.discard.length
    }
    const terminating = replacesOnlyFailed(this.#job) ? this.#pods.filter(isTerminating).length : 0
    const missing = Math.min(wanted - active - terminating, maxPodsPerSync)
    if (missing <= 0) return active
    if (isIndexed(this.#job)) this.#createIndexes(missing)
    else {
      const waitMs = remainingBackoff(this.#plan.record, this.#now)
      if (waitMs > 0) this.#requeue(waitMs)
      else for (let i = 0; i < missing; i++) this.#plan.create.push(undefined)
    }
    return active
  }

  /** Pods that are too many: of indexes that are done or have another pod first, then those that matter least. */
  #surplus(wanted: number): Pod[] {
    const surplus: Pod[] = []
    let rest = this.#active
    if (isIndexed(this.#job)) {
      const seen = new Set<number>()
      rest = []
      for (const pod of this.#active.toSorted((a, b) => indexOf(a) - indexOf(b) || progress(b) - progress(a))) {
        const index = indexOf(pod)
        const isNeeded =
          index >= 0 &&
          index < this.#completions &&
          !seen.has(index) &&
          !hasIndex(this.#completed, index) &&
          !hasIndex(this.#failedIndexes, index)
        if (isNeeded) {
          seen.add(index)
          rest.push(pod)
        } else surplus.push(pod)
      }
    }
    const tooMany = rest.length - wanted
    if (tooMany > 0) surplus.push(...rest.toSorted((a, b) => progress(a) - progress(b)).slice(0, tooMany))
    return surplus
  }

  #createIndexes(missing: number): void {
    const taken = new Set(this.#active.map(indexOf))
    if (replacesOnlyFailed(this.#job)) for (const pod of this.#pods.filter(isTerminating)) taken.add(indexOf(pod))
    const isPerIndex = this.#spec.backoffLimitPerIndex !== undefined
    if (!isPerIndex) {
      const waitMs = remainingBackoff(this.#plan.record, this.#now)
      if (waitMs > 0) {
        this.#requeue(waitMs)
        return
      }
    }
    const last = isPerIndex ? this.#lastFailures() : new Map<number, Pod>()
    for (let index = 0; index < this.#completions && this.#plan.create.length < missing; index++) {
      if (taken.has(index) || hasIndex(this.#completed, index) || hasIndex(this.#failedIndexes, index)) continue
      if (!isPerIndex) {
        this.#plan.create.push({ index, failures: undefined })
        continue
      }
      const failures = this.#failuresAfter(last.get(index))
      const total = failures.counted + failures.ignored
      const pod = last.get(index)
      const record = { failures: total, lastFailureMs: pod ? finishTime(pod, this.#now) : 0 }
      const waitMs = remainingBackoff(record, this.#now)
      if (waitMs > 0) this.#requeue(waitMs)
      else this.#plan.create.push({ index, failures })
    }
  }

  /** The last failed pod of each index that can still be seen. */
  #lastFailures(): Map<number, Pod> {
    const last = new Map<number, Pod>()
    for (const pod of this.#pods) {
      if (!hasFailed(this.#job, pod)) continue
      const known = last.get(indexOf(pod))
      const total = ({ counted, ignored }: { counted: number; ignored: number }): number => counted + ignored
      if (!known || total(failuresBefore(known)) < total(failuresBefore(pod))) last.set(indexOf(pod), pod)
    }
    return last
  }

  #failuresAfter(pod: Pod | undefined): { counted: number; ignored: number } {
    if (!pod) return { counted: 0, ignored: 0 }
    const before = failuresBefore(pod)
    const isIgnored = failureAction(this.#spec.podFailurePolicy, pod)?.action === "Ignore"
    return isIgnored ? { ...before, ignored: before.ignored + 1 } : { ...before, counted: before.counted + 1 }
  }

  #decide(outcome: Outcome, active: number): void {
    const isOver =
      active === 0 &&
      this.#plan.remove.length === 0 &&
      this.#plan.discard.length === 0 &&
      !this.#pods.some(isTerminating) &&
      this.#plan.release.length === 0 &&
      this.#uncounted.succeeded.length === 0 &&
      this.#uncounted.failed.length === 0
    const remaining = active > 0 && this.#plan.remove.length === 0 ? this.#active.slice(0, maxPodsPerSync) : []
    this.#plan.remove.push(...remaining)
    this.#conditions = withOutcome(this.#conditions, outcome, { final: isOver }, this.#now)
    if (!isOver) return
    const { kind, reason, message } = outcome
    this.#plan.events.push(
      kind === "failed"
        ? { type: "Warning", reason, message }
        : { type: "Normal", reason: "Completed", message: "Job completed" },
    )
    this.#plan.requeueMs = undefined
  }

  #status(active: number): batchv1.JobStatus {
    const { succeeded, failed } = this.#uncounted
    const complete = findCondition(this.#conditions, "Complete")
    const isPerIndex = isIndexed(this.#job) && this.#spec.backoffLimitPerIndex !== undefined
    const isOver = isConditionTrue(this.#conditions, "Complete") || isConditionTrue(this.#conditions, "Failed")
    const removed = new Set([...this.#plan.remove, ...this.#plan.discard])
    return compact({
      conditions: this.#conditions.length > 0 ? [...this.#conditions] : undefined,
      startTime: this.#startTime,
      completionTime:
        complete?.status === "True" ? (this.#job.status?.completionTime ?? formatTime(this.#now)) : undefined,
      active: count(active),
      ready: isOver ? 0 : this.#active.filter((pod) => isPodReady(pod) && !removed.has(pod)).length,
      terminating: isOver ? 0 : this.#pods.filter(isTerminating).length + removed.size,
      succeeded: count(this.#succeeded),
      failed: count(this.#failed),
      completedIndexes: isIndexed(this.#job) && this.#completed.length > 0 ? formatIndexes(this.#completed) : undefined,
      failedIndexes: isPerIndex ? formatIndexes(this.#failedIndexes) : undefined,
      uncountedTerminatedPods: compact({
        succeeded: succeeded.length > 0 ? succeeded : undefined,
        failed: failed.length > 0 ? failed : undefined,
      }),
    })
  }

  #requeue(ms: number): void {
    if (this.#plan.requeueMs === undefined || ms < this.#plan.requeueMs) this.#plan.requeueMs = ms
  }
}

/** How far a pod has come: those that are furthest stay longest. */
function progress(pod: Pod): number {
  if (!pod.spec?.nodeName) return 0
  if (pod.status?.phase !== "Running") return 1
  return isPodReady(pod) ? 3 : 2
}

/** How long the next pod has to wait: 10 s after the first failure in a row, twice as long after each further. */
function remainingBackoff({ failures, lastFailureMs }: FailureRecord, now: number): number {
  if (failures === 0) return 0
  const delay = Math.min(backoffInitialMs * 2 ** Math.min(failures - 1, 20), backoffMaxMs)
  return Math.max(lastFailureMs + delay - now, 0)
}
