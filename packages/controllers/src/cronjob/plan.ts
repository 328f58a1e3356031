import type { batchv1, corev1 } from "@ladya/api"
import { controllerOf, formatTime, newControllerRef, parseTime } from "@ladya/apimachinery"
import { parseSchedule, type Schedule } from "./schedule.ts"

type CronJob = batchv1.CronJob
type Job = batchv1.Job

/** More missed times than this point to a clock that jumped or a schedule that is too tight. */
const manyMissed = 100

export interface CronJobInput {
  cronJob: CronJob
  /** Those it controls. */
  jobs: readonly Job[]
  now: number
}

export interface CronEvent {
  type: "Normal" | "Warning"
  reason: string
  message: string
}

export interface CronJobPlan {
  create: { job: Job; scheduledMs: number } | undefined
  remove: Job[]
  status: batchv1.CronJobStatus
  events: CronEvent[]
  requeueMs: number | undefined
}

function finishedAs(job: Job): "Complete" | "Failed" | undefined {
  const end = job.status?.conditions?.find(
    ({ type, status }) => (type === "Complete" || type === "Failed") && status === "True",
  )
  return end?.type as "Complete" | "Failed" | undefined
}

export function planCronJob({ cronJob, jobs, now }: CronJobInput): CronJobPlan {
  const plan: CronJobPlan = {
    create: undefined,
    remove: surplusHistory(cronJob, jobs),
    status: cronJob.status ?? {},
    events: [],
    requeueMs: undefined,
  }
  const running = jobs.filter((job) => finishedAs(job) === undefined)
  followJobs(plan, cronJob, jobs)
  if (cronJob.metadata.deletionTimestamp || cronJob.spec.suspend) return plan
  const schedule = readSchedule(plan, cronJob)
  if (!schedule) return plan
  const next = schedule.next(now)
  plan.requeueMs = next === undefined ? undefined : Math.max(next - now, 0) + 100
  const missed = lastMissed(plan, cronJob, schedule, now)
  if (missed !== undefined) start(plan, cronJob, jobs, running, missed, now)
  return plan
}

/** Brings `active` and `lastSuccessfulTime` in line with the Jobs. */
function followJobs(plan: CronJobPlan, cronJob: CronJob, jobs: readonly Job[]): void {
  const before = cronJob.status?.active ?? []
  const active: corev1.ObjectReference[] = []
  let { lastSuccessfulTime } = cronJob.status ?? {}
  for (const reference of before) {
    const job = jobs.find((one) => one.metadata.uid === reference.uid)
    if (!job) {
      const message = `Active job went missing: ${reference.name}`
      plan.events.push({ type: "Normal", reason: "MissingJob", message })
      continue
    }
    const end = finishedAs(job)
    if (end) {
      const message = `Saw completed job: ${job.metadata.name}, condition: ${end}`
      plan.events.push({ type: "Normal", reason: "SawCompletedJob", message })
    } else active.push(reference)
  }
  for (const job of jobs) {
    const { completionTime } = job.status ?? {}
    const isNewer = completionTime !== undefined && (!lastSuccessfulTime || completionTime > lastSuccessfulTime)
    if (isNewer && finishedAs(job) === "Complete") lastSuccessfulTime = completionTime
    if (finishedAs(job) || before.some((reference) => reference.uid === job.metadata.uid)) continue
    // Its creation was not written down: the controller was interrupted, or somebody else gave it this owner.
    active.push(referenceTo(job))
    if (job.metadata.annotations?.[scheduledKey] === undefined) {
      const message = `Saw a job that the controller did not create or forgot: ${job.metadata.name}`
      plan.events.push({ type: "Warning", reason: "UnexpectedJob", message })
    }
  }
  plan.status = withStatus(plan.status, active, { lastSuccessfulTime })
}

function withStatus(
  status: batchv1.CronJobStatus,
  active: corev1.ObjectReference[],
  times: { lastSuccessfulTime?: string | undefined; lastScheduleTime?: string | undefined },
): batchv1.CronJobStatus {
  const { active: _, ...rest } = status
  return {
    ...rest,
    ...(active.length > 0 ? { active } : {}),
    ...(times.lastSuccessfulTime ? { lastSuccessfulTime: times.lastSuccessfulTime } : {}),
    ...(times.lastScheduleTime ? { lastScheduleTime: times.lastScheduleTime } : {}),
  }
}

export function referenceTo(job: Job): corev1.ObjectReference {
  const { name = "", namespace = "", uid = "", resourceVersion = "" } = job.metadata
  return { apiVersion: "batch/v1", kind: "Job", name, namespace, uid, resourceVersion }
}

function readSchedule(plan: CronJobPlan, { spec }: CronJob): Schedule | undefined {
  try {
    return parseSchedule(spec.schedule, spec.timeZone)
  } catch (error) {
    if (error instanceof RangeError) {
      const message = `invalid timeZone: ${JSON.stringify(spec.timeZone)}: unknown time zone ${spec.timeZone}`
      plan.events.push({ type: "Warning", reason: "UnknownTimeZone", message })
    } else {
      const message = `unparseable schedule: ${JSON.stringify(spec.schedule)} : ${(error as Error).message}`
      plan.events.push({ type: "Warning", reason: "UnparseableSchedule", message })
    }
    return undefined
  }
}

/** The latest time up to now that was due since the last start; undefined when nothing is due. */
function lastMissed(plan: CronJobPlan, cronJob: CronJob, schedule: Schedule, now: number): number | undefined {
  let since = parseTime(cronJob.status?.lastScheduleTime) ?? parseTime(cronJob.metadata.creationTimestamp) ?? now
  const { startingDeadlineSeconds } = cronJob.spec
  if (startingDeadlineSeconds !== undefined) since = Math.max(since, now - startingDeadlineSeconds * 1000)
  let latest: number | undefined
  let missed = 0
  let at = schedule.next(since)
  while (at !== undefined && at <= now) {
    latest = at
    missed++
    if (missed === manyMissed) {
      const message = "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew"
      plan.events.push({ type: "Warning", reason: "TooManyMissedTimes", message })
      // The exact number does not matter any more: go straight to the last one.
      at = latestBefore(schedule, at, now)
      return at
    }
    at = schedule.next(at)
  }
  return latest
}

/** The last time up to `now`, found by halving: schedules may have missed years of minutes. */
function latestBefore(schedule: Schedule, known: number, now: number): number {
  let latest = known
  let span = now - known
  while (span >= 1000) {
    span = Math.floor(span / 2)
    let at = schedule.next(now - span)
    while (at !== undefined && at <= now) {
      latest = Math.max(latest, at)
      if (now - at <= span / 2) break
      at = schedule.next(at)
    }
  }
  return latest
}

const scheduledKey = "batch.kubernetes.io/cronjob-scheduled-timestamp"

function start(
  plan: CronJobPlan,
  cronJob: CronJob,
  jobs: readonly Job[],
  running: readonly Job[],
  scheduledMs: number,
  now: number,
): void {
  const { startingDeadlineSeconds, concurrencyPolicy } = cronJob.spec
  const time = formatTime(scheduledMs)
  if (startingDeadlineSeconds !== undefined && scheduledMs + startingDeadlineSeconds * 1000 < now) {
    const message = `Missed scheduled time to start a job: ${new Date(scheduledMs).toUTCString()}`
    plan.events.push({ type: "Warning", reason: "MissSchedule", message })
    return
  }
  const job = jobFor(cronJob, scheduledMs)
  // It was started, and only the status does not show it yet.
  if (cronJob.status?.lastScheduleTime === time || jobs.some((one) => one.metadata.name === job.metadata.name)) {
    plan.status = { ...plan.status, lastScheduleTime: time }
    return
  }
  if (concurrencyPolicy === "Forbid" && running.length > 0) {
    const message = "Not starting job because prior execution is running and concurrency policy is Forbid"
    plan.events.push({ type: "Normal", reason: "JobAlreadyActive", message })
    return
  }
  if (concurrencyPolicy === "Replace") {
    plan.remove.push(...running.filter((one) => !plan.remove.includes(one)))
    plan.status = withStatus(plan.status, [], {})
  }
  plan.create = { job, scheduledMs }
}

/** The Job of one time: its name says which, so that it cannot be started twice. */
function jobFor(cronJob: CronJob, scheduledMs: number): Job {
  const { metadata, spec } = cronJob.spec.jobTemplate
  const timeZone = cronJob.spec.timeZone
  return {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: {
      name: `${cronJob.metadata.name}-${Math.floor(scheduledMs / 60_000)}`,
      namespace: cronJob.metadata.namespace ?? "",
      ...(metadata?.labels ? { labels: metadata.labels } : {}),
      annotations: { ...metadata?.annotations, [scheduledKey]: scheduledText(scheduledMs, timeZone) },
      ownerReferences: [newControllerRef(cronJob)],
    },
    ...(spec ? { spec } : {}),
  }
}

/** RFC 3339 with the offset of the time zone. */
function scheduledText(ms: number, timeZone: string | undefined): string {
  if (!timeZone) return formatTime(ms)
  const offset = new Intl.DateTimeFormat("en-US", { timeZone, timeZoneName: "longOffset" })
    .formatToParts(ms)
    .find((part) => part.type === "timeZoneName")
    ?.value.replace("GMT", "")
  if (!offset) return formatTime(ms)
  const sign = offset.startsWith("-") ? -1 : 1
  const [hours = 0, minutes = 0] = offset.slice(1).split(":").map(Number)
  return formatTime(ms + sign * (hours * 60 + minutes) * 60_000).replace("Z", offset)
}

/** Ended Jobs beyond the limits, the oldest first. */
function surplusHistory({ spec }: CronJob, jobs: readonly Job[]): Job[] {
  const surplus = (end: "Complete" | "Failed", limit: number | undefined): Job[] => {
    if (limit === undefined) return []
    const ended = jobs
      .filter((job) => finishedAs(job) === end && !job.metadata.deletionTimestamp)
      .sort((a, b) => ((a.status?.startTime ?? "") < (b.status?.startTime ?? "") ? -1 : 1))
    return ended.slice(0, Math.max(ended.length - limit, 0))
  }
  return [
    ...surplus("Complete", spec.successfulJobsHistoryLimit ?? 3),
    ...surplus("Failed", spec.failedJobsHistoryLimit ?? 1),
  ]
}

/** Whether a Job belongs to this CronJob. */
export function isOwnedBy(job: Job, cronJob: CronJob): boolean {
  return controllerOf(job)?.uid === cronJob.metadata.uid
}
