import { type batchv1, type corev1, refs } from "@ladya/api"
import { compileLabelSelector, controllerOf, isStatus, keyOf, keyText, type ObjectKey } from "@ladya/apimachinery"
import {
  type Controller,
  done,
  type Informer,
  newController,
  type Reconciler,
  type Result,
  requeueAfter,
} from "@ladya/client"
import { ComponentGroup, mapLimit } from "@ladya/util"
import type { ControllerContext, ControllerDefinition } from "../context.ts"
import { claimOwned, controllingOwner, enqueueOwners } from "../shared/claims.ts"
import { Freshness } from "../shared/freshness.ts"
import { byController, podInformer } from "../shared/indexes.ts"
import { isNamespaceTerminating, PodControl } from "../shared/pod-control.ts"
import { settleMs } from "../shared/settle.ts"
import { slowStart } from "../shared/slow-start.ts"
import { writeStatus } from "../shared/status.ts"
import { isFinished } from "./conditions.ts"
import { type FailureRecord, type JobPlan, planJob } from "./plan.ts"
import { isTracked, jobPod, trackingFinalizer } from "./pods.ts"

type Job = batchv1.Job
type Pod = corev1.Pod

const managedByUs = "kubernetes.io/job-controller"
const parallel = 20

export const jobController: ControllerDefinition = {
  name: "job",
  account: "job-controller",
  create: (context) => {
    const { informers, clock, log, metrics, config } = context
    const jobs = informers.informer(refs.jobs)
    const pods = podInformer(informers)
    const options = { clock, log, metrics, workers: config.workers, waitFor: [jobs, pods] }
    const controller = newController({ ...options, name: "job", reconciler: new JobReconciler(context, jobs, pods) })
    const orphans = newOrphanController({ ...options, name: "job-orphan-pods" }, context, jobs, pods)
    const enqueue = (job: Job): void => controller.enqueue(keyOf(job))
    jobs.addHandler({
      add: enqueue,
      update: enqueue,
      delete: (job) => {
        enqueue(job)
        for (const pod of pods.byIndex(byController, job.metadata.uid ?? "")) orphans.enqueue(keyOf(pod))
      },
    })
    enqueueOwners({
      owned: pods,
      owners: jobs,
      selects,
      enqueue: (key, job) =>
        controller.enqueueAfter(key, settleMs(pods.countByIndex(byController, job.metadata.uid ?? ""))),
    })
    const enqueueOrphan = (pod: Pod): void => {
      if (isTracked(pod) && !controllingOwner(pod, jobs)) orphans.enqueue(keyOf(pod))
    }
    pods.addHandler({ add: enqueueOrphan, update: enqueueOrphan })
    return new ComponentGroup("job", [controller, orphans], log)
  },
}

function selects(job: Job, pod: Pod): boolean {
  return compileLabelSelector(job.spec?.selector).matches(pod.metadata.labels)
}

async function release(context: ControllerContext, pod: Pod): Promise<Pod | undefined> {
  const { namespace = "", name = "", uid } = pod.metadata
  const patch = { metadata: { uid, "$deleteFromPrimitiveList/finalizers": [trackingFinalizer] } }
  try {
    return await context.client.resource(refs.pods).patch(name, "strategic", patch, { namespace })
  } catch (error) {
    if (isStatus(error, "NotFound", "Conflict")) return undefined
    throw error
  }
}

/** Lets pods go whose Job is gone: nobody will account for them any more. */
function newOrphanController(
  options: Omit<Parameters<typeof newController>[0], "reconciler">,
  context: ControllerContext,
  jobs: Informer<Job>,
  pods: Informer<Pod>,
): Controller {
  return newController({
    ...options,
    reconciler: {
      reconcile: async (key) => {
        const pod = pods.get(key)
        if (!pod || !isTracked(pod) || controllingOwner(pod, jobs)) return done
        const reference = controllerOf(pod)
        if (reference && reference.kind !== "Job") return done
        if (!reference && jobs.inNamespace(key.namespace).some((job) => selects(job, pod))) return done
        if (reference && (await isThere(context, key.namespace, reference.name, reference.uid))) return done
        await release(context, pod)
        return done
      },
    },
  })
}

/** The cache may not show a Job yet that has just been created. */
async function isThere({ client }: ControllerContext, namespace: string, name: string, uid: string): Promise<boolean> {
  try {
    return (await client.resource(refs.jobs).get(name, { namespace })).metadata.uid === uid
  } catch (error) {
    if (isStatus(error, "NotFound")) return false
    throw error
  }
}

class JobReconciler implements Reconciler {
  readonly #context: ControllerContext
  readonly #jobs: Informer<Job>
  readonly #pods: Informer<Pod>
  readonly #freshJobs: Freshness<Job>
  readonly #freshPods: Freshness<Pod>
  readonly #podControl: PodControl
  readonly #records = new Map<string, FailureRecord>()

  constructor(context: ControllerContext, jobs: Informer<Job>, pods: Informer<Pod>) {
    this.#context = context
    this.#jobs = jobs
    this.#pods = pods
    this.#freshJobs = new Freshness(jobs, context.clock)
    this.#freshPods = new Freshness(pods, context.clock)
    this.#podControl = new PodControl(context)
  }

  async reconcile(key: ObjectKey): Promise<Result> {
    const { client, clock, recorder } = this.#context
    const id = keyText(key)
    const job = this.#jobs.get(key)
    if (!job || isFinished(job)) {
      this.#records.delete(id)
      this.#freshPods.forget(id)
      if (!job) this.#freshJobs.forget(id)
      return done
    }
    if (job.spec?.managedBy !== undefined && job.spec.managedBy !== managedByUs) return done
    // Counting twice, or not at all, would be worse than waiting for the next event.
    if (!this.#freshJobs.isFresh(id) || !this.#freshPods.isFresh(id)) return done
    const pods = await claimOwned({
      owner: job,
      ownerRef: refs.jobs,
      selector: compileLabelSelector(job.spec?.selector),
      informer: this.#pods,
      client,
      onWrite: (pod) => this.#freshPods.wrote(id, pod),
    })
    const record = this.#records.get(id) ?? { failures: 0, lastFailureMs: 0 }
    const plan = planJob({ job, pods, record, now: clock.now() })
    const failure = await this.#apply(id, job, plan)
    // What was created just now is active, too.
    const created = plan.create.length - (failure?.notCreated ?? 0)
    const active = (plan.status.active ?? 0) + created
    const status = active > 0 ? { ...plan.status, active } : plan.status
    const written = await writeStatus(client.resource(refs.jobs), job, status)
    if (written) this.#freshJobs.wrote(id, written)
    this.#records.set(id, plan.record)
    for (const { type, reason, message } of plan.events) recorder.event(job, type, reason, message)
    await mapLimit(plan.release, parallel, async (pod) => {
      const released = await release(this.#context, pod)
      if (released) this.#freshPods.wrote(id, released)
    })
    if (failure?.error !== undefined) throw failure.error
    return plan.requeueMs === undefined ? done : requeueAfter(plan.requeueMs)
  }

  async #apply(
    id: string,
    job: Job,
    { create, remove, discard }: JobPlan,
  ): Promise<{ notCreated: number; error: unknown } | undefined> {
    const removals = await Promise.allSettled(
      [...discard, ...remove].map(async (pod) => {
        // Without its finalizer nobody counts it.
        if (discard.includes(pod)) await release(this.#context, pod)
        await this.#podControl.delete(job, pod)
        this.#freshPods.deleted(id, pod)
      }),
    )
    const { succeeded, error } = await slowStart(create.length, async (index) => {
      this.#freshPods.wrote(id, await this.#podControl.create(job, jobPod(job, create[index])))
    })
    const failed = removals.find((result) => result.status === "rejected")
    if (error === undefined && !failed) return undefined
    const notCreated = create.length - succeeded
    if (isNamespaceTerminating(error)) return { notCreated, error: undefined }
    return { notCreated, error: error ?? failed?.reason }
  }
}
