import { type batchv1, refs } from "@ladya/api"
import { formatTime, isStatus, keyOf, keyText, type ObjectKey } from "@ladya/apimachinery"
import { done, type Informer, newController, type Reconciler, type Result, requeueAfter } from "@ladya/client"
import { errorMessage } from "@ladya/util"
import type { ControllerContext, ControllerDefinition } from "../context.ts"
import { controllingOwner } from "../shared/claims.ts"
import { Freshness } from "../shared/freshness.ts"
import { byController, ownedInformer } from "../shared/indexes.ts"
import { isNamespaceTerminating } from "../shared/pod-control.ts"
import { writeStatus } from "../shared/status.ts"
import { isOwnedBy, planCronJob, referenceTo } from "./plan.ts"

type CronJob = batchv1.CronJob
type Job = batchv1.Job

export const cronJobController: ControllerDefinition = {
  name: "cronjob",
  account: "cronjob-controller",
  create: (context) => {
    const { informers, clock, log, metrics, config } = context
    const cronJobs = informers.informer(refs.cronjobs)
    const jobs = ownedInformer(informers, refs.jobs)
    const controller = newController({
      name: "cronjob",
      reconciler: new CronJobReconciler(context, cronJobs, jobs),
      workers: config.workers,
      clock,
      log,
      metrics,
      waitFor: [cronJobs, jobs],
    })
    const enqueue = (cronJob: CronJob): void => controller.enqueue(keyOf(cronJob))
    cronJobs.addHandler({ add: enqueue, update: enqueue, delete: enqueue })
    const enqueueOwner = (job: Job): void => {
      const cronJob = controllingOwner(job, cronJobs)
      if (cronJob) enqueue(cronJob)
    }
    jobs.addHandler({ add: enqueueOwner, update: enqueueOwner, delete: enqueueOwner })
    return controller
  },
}

class CronJobReconciler implements Reconciler {
  readonly #context: ControllerContext
  readonly #cronJobs: Informer<CronJob>
  readonly #jobs: Informer<Job>
  readonly #freshCronJobs: Freshness<CronJob>
  readonly #freshJobs: Freshness<Job>

  constructor(context: ControllerContext, cronJobs: Informer<CronJob>, jobs: Informer<Job>) {
    this.#context = context
    this.#cronJobs = cronJobs
    this.#jobs = jobs
    this.#freshCronJobs = new Freshness(cronJobs, context.clock)
    this.#freshJobs = new Freshness(jobs, context.clock)
  }

  async reconcile(key: ObjectKey): Promise<Result> {
    const { client, clock, recorder } = this.#context
    const id = keyText(key)
    const cronJob = this.#cronJobs.get(key)
    if (!cronJob) {
      this.#freshCronJobs.forget(id)
      this.#freshJobs.forget(id)
      return done
    }
    if (!this.#freshCronJobs.isFresh(id) || !this.#freshJobs.isFresh(id)) return done
    const jobs = this.#jobs.byIndex(byController, cronJob.metadata.uid ?? "")
    const plan = planCronJob({ cronJob, jobs, now: clock.now() })
    for (const { type, reason, message } of plan.events) recorder.event(cronJob, type, reason, message)
    for (const job of plan.remove) await this.#remove(id, cronJob, job)
    let { status } = plan
    if (plan.create) {
      const created = await this.#create(id, cronJob, plan.create.job)
      if (created) {
        const active = [...(status.active ?? []), referenceTo(created)]
        status = { ...status, active, lastScheduleTime: formatTime(plan.create.scheduledMs) }
      }
    }
    const written = await writeStatus(client.resource(refs.cronjobs), cronJob, status)
    if (written) this.#freshCronJobs.wrote(id, written)
    return plan.requeueMs === undefined ? done : requeueAfter(plan.requeueMs)
  }

  async #remove(id: string, cronJob: CronJob, job: Job): Promise<void> {
    const { client, recorder } = this.#context
    const { namespace = "", name = "" } = job.metadata
    try {
      await client.resource(refs.jobs).delete(name, { namespace, propagationPolicy: "Background" })
    } catch (error) {
      if (!isStatus(error, "NotFound")) {
        recorder.event(cronJob, "Warning", "FailedDelete", `Deleted job: ${errorMessage(error)}`)
        throw error
      }
    }
    this.#freshJobs.deleted(id, job)
    recorder.event(cronJob, "Normal", "SuccessfulDelete", `Deleted job ${name}`)
  }

  /** Undefined when no Job of this CronJob came of it. */
  async #create(id: string, cronJob: CronJob, job: Job): Promise<Job | undefined> {
    const { client, recorder } = this.#context
    const { namespace = "", name = "" } = job.metadata
    try {
      const created = await client.resource(refs.jobs).create(job)
      this.#freshJobs.wrote(id, created)
      recorder.event(cronJob, "Normal", "SuccessfulCreate", `Created job ${name}`)
      return created
    } catch (error) {
      if (isNamespaceTerminating(error)) return undefined
      if (isStatus(error, "AlreadyExists")) {
        // Created before the status could be written; or the name is somebody else's.
        const present = await client.resource(refs.jobs).get(name, { namespace })
        return isOwnedBy(present, cronJob) ? present : undefined
      }
      recorder.event(cronJob, "Warning", "FailedCreate", `Error creating job: ${errorMessage(error)}`)
      throw error
    }
  }
}
