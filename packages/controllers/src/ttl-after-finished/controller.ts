import { type batchv1, refs } from "@ladya/api"
import { isStatus, keyOf, parseTime } from "@ladya/apimachinery"
import { done, newController, requeueAfter } from "@ladya/client"
import type { ControllerDefinition } from "../context.ts"

/** When a Job that has ended is to be deleted, in milliseconds since the epoch; undefined: never, or not yet known. */
export function expiryOf(job: batchv1.Job): number | undefined {
  const ttl = job.spec?.ttlSecondsAfterFinished
  if (ttl === undefined) return undefined
  const end = job.status?.conditions?.find(
    ({ type, status }) => (type === "Complete" || type === "Failed") && status === "True",
  )
  const endedAt = parseTime(end?.lastTransitionTime)
  return endedAt === undefined ? undefined : endedAt + ttl * 1000
}

/** Deletes Jobs, with their pods, some time after their end. */
export const ttlAfterFinishedController: ControllerDefinition = {
  name: "ttl-after-finished",
  account: "ttl-after-finished-controller",
  create: ({ client, informers, clock, log, metrics, config }) => {
    const jobs = informers.informer(refs.jobs)
    const controller = newController({
      name: "ttl-after-finished",
      workers: config.workers,
      clock,
      log,
      metrics,
      waitFor: [jobs],
      reconciler: {
        reconcile: async ({ namespace, name }) => {
          const known = jobs.get({ namespace, name })
          if (!known || known.metadata.deletionTimestamp || expiryOf(known) === undefined) return done
          const waitMs = (expiryOf(known) ?? 0) - clock.now()
          if (waitMs > 0) return requeueAfter(waitMs)
          const api = client.resource(refs.jobs)
          try {
            // The TTL may just have been prolonged.
            const fresh = await api.get(name, { namespace })
            const expiry = expiryOf(fresh)
            if (expiry === undefined || expiry > clock.now()) return done
            const { uid = "", resourceVersion = "" } = fresh.metadata
            const preconditions = { uid, resourceVersion }
            await api.delete(name, { namespace, propagationPolicy: "Foreground", preconditions })
          } catch (error) {
            if (!isStatus(error, "NotFound")) throw error
          }
          return done
        },
      },
    })
    const enqueue = (job: batchv1.Job): void => {
      if (expiryOf(job) !== undefined) controller.enqueue(keyOf(job))
    }
    jobs.addHandler({ add: enqueue, update: enqueue })
    return controller
  },
}
