import { type appsv1, type corev1, refs } from "@ladya/api"
import { compileLabelSelector, isStatus, keyOf, keyText, type ObjectKey } from "@ladya/apimachinery"
import { done, type Informer, newController, type Reconciler, type Result, requeueAfter } from "@ladya/client"
import { errorMessage } from "@ladya/util"
import type { ControllerContext, ControllerDefinition } from "../context.ts"
import { nextAvailabilityMs } from "../replicaset/status.ts"
import { claimOwned, enqueueOwners } from "../shared/claims.ts"
import { Freshness } from "../shared/freshness.ts"
import {
  applyHistory,
  byRevision,
  deleteRevisions,
  planHistory,
  RevisionCollision,
  surplusRevisions,
  templateOf,
} from "../shared/history.ts"
import { ownedInformer, podInformer } from "../shared/indexes.ts"
import { writeStatus } from "../shared/status.ts"
import { ordinalOf, revisionOf } from "./identity.ts"
import { planStatefulSet, type Revision, type StatefulAction } from "./plan.ts"

type StatefulSet = appsv1.StatefulSet
type ControllerRevision = appsv1.ControllerRevision
type Pod = corev1.Pod
type Claim = corev1.PersistentVolumeClaim

const hashLabel = "controller.kubernetes.io/hash"

export const statefulSetController: ControllerDefinition = {
  name: "statefulset",
  account: "statefulset-controller",
  create: (context) => {
    const { informers, clock, log, metrics, config } = context
    const caches = {
      sets: informers.informer(refs.statefulsets),
      pods: podInformer(informers),
      claims: informers.informer(refs.persistentvolumeclaims),
      revisions: ownedInformer(informers, refs.controllerrevisions),
    }
    const controller = newController({
      name: "statefulset",
      reconciler: new StatefulSetReconciler(context, caches),
      workers: config.workers,
      clock,
      log,
      metrics,
      waitFor: Object.values(caches),
    })
    const enqueue = (set: StatefulSet): void => controller.enqueue(keyOf(set))
    caches.sets.addHandler({ add: enqueue, update: enqueue, delete: enqueue })
    const selects = (set: StatefulSet, object: { metadata: { labels?: Record<string, string> } }): boolean =>
      compileLabelSelector(set.spec?.selector).matches(object.metadata.labels)
    enqueueOwners({ owned: caches.pods, owners: caches.sets, selects, enqueue: (key) => controller.enqueue(key) })
    enqueueOwners({ owned: caches.revisions, owners: caches.sets, selects, enqueue: (key) => controller.enqueue(key) })
    // A claim that is gone may be one that a member waits for.
    caches.claims.addHandler({
      delete: (claim) => {
        for (const set of caches.sets.inNamespace(claim.metadata.namespace ?? "")) {
          if ((set.spec?.volumeClaimTemplates ?? []).length > 0 && selects(set, claim)) enqueue(set)
        }
      },
    })
    return controller
  },
}

interface Caches {
  sets: Informer<StatefulSet>
  pods: Informer<Pod>
  claims: Informer<Claim>
  revisions: Informer<ControllerRevision>
}

class StatefulSetReconciler implements Reconciler {
  readonly #context: ControllerContext
  readonly #caches: Caches
  readonly #freshPods: Freshness<Pod>
  readonly #freshClaims: Freshness<Claim>
  readonly #freshRevisions: Freshness<ControllerRevision>

  constructor(context: ControllerContext, caches: Caches) {
    this.#context = context
    this.#caches = caches
    this.#freshPods = new Freshness(caches.pods, context.clock)
    this.#freshClaims = new Freshness(caches.claims, context.clock)
    this.#freshRevisions = new Freshness(caches.revisions, context.clock)
  }

  async reconcile(key: ObjectKey): Promise<Result> {
    const { client, clock } = this.#context
    const id = keyText(key)
    const set = this.#caches.sets.get(key)
    const fresh = [this.#freshPods, this.#freshClaims, this.#freshRevisions]
    if (!set) {
      for (const one of fresh) one.forget(id)
      return done
    }
    if (!fresh.every((one) => one.isFresh(id))) {
      // Claims tell nothing when they come: look again soon.
      return this.#freshClaims.isFresh(id) ? done : requeueAfter(50)
    }
    const selector = compileLabelSelector(set.spec?.selector)
    const owner = { owner: set, ownerRef: refs.statefulsets, selector, client }
    const revisions = await claimOwned({
      ...owner,
      informer: this.#caches.revisions,
      onWrite: (revision) => this.#freshRevisions.wrote(id, revision),
    })
    const history = await this.#history(id, set, revisions)
    if (!history) return done
    const pods = await claimOwned({
      ...owner,
      informer: this.#caches.pods,
      accepts: (pod) => ordinalOf(set, pod) !== undefined,
      onWrite: (pod) => this.#freshPods.wrote(id, pod),
    })
    const now = clock.now()
    const plan = planStatefulSet({
      set,
      ...history,
      pods,
      claim: (name) => this.#caches.claims.get({ namespace: key.namespace, name }),
      collisionCount: set.status?.collisionCount ?? 0,
      now,
    })
    for (const action of plan.actions) await this.#apply(id, set, action)
    await writeStatus(client.resource(refs.statefulsets), set, plan.status)
    await this.#cleanUp(id, set, revisions, [plan.status.currentRevision, plan.status.updateRevision], pods)
    const nextMs = nextAvailabilityMs(pods, set.spec?.minReadySeconds ?? 0, now)
    return nextMs === undefined ? done : requeueAfter(nextMs)
  }

  /** The revision that is rolled out and the one that is wanted; undefined: come back later. */
  async #history(
    id: string,
    set: StatefulSet,
    revisions: readonly ControllerRevision[],
  ): Promise<{ current: Revision; update: Revision } | undefined> {
    const { client } = this.#context
    const collisionCount = set.status?.collisionCount ?? 0
    const template = set.spec?.template ?? {}
    const plan = planHistory({ owner: set, template, revisions, collisionCount, hashLabel })
    try {
      const newest = await applyHistory(client, plan)
      if (plan.kind !== "none") this.#freshRevisions.wrote(id, newest)
      const update = { name: newest.metadata.name ?? "", template }
      const rolledOut = revisions.find((one) => one.metadata.name === set.status?.currentRevision)
      const current = rolledOut ? { name: rolledOut.metadata.name ?? "", template: templateOf(rolledOut) } : update
      return { current, update }
    } catch (error) {
      if (!(error instanceof RevisionCollision)) throw error
      const status = { ...(set.status ?? { replicas: 0 }), collisionCount: collisionCount + 1 }
      await writeStatus(client.resource(refs.statefulsets), set, status)
      return undefined
    }
  }

  async #apply(id: string, set: StatefulSet, action: StatefulAction): Promise<void> {
    const { client } = this.#context
    const { name: setName = "" } = set.metadata
    const pods = client.resource(refs.pods)
    const claims = client.resource(refs.persistentvolumeclaims)
    switch (action.kind) {
      case "createClaim": {
        const { name } = action.claim.metadata
        await this.#telling(set, "Create", `Claim ${name} Pod ${action.pod} in StatefulSet ${setName}`, async () => {
          this.#freshClaims.wrote(id, await claims.create(action.claim))
        })
        break
      }
      case "updateClaim":
        this.#freshClaims.wrote(id, await claims.update(action.claim))
        break
      case "createPod":
        await this.#telling(set, "Create", `Pod ${action.pod.metadata.name} in StatefulSet ${setName}`, async () => {
          this.#freshPods.wrote(id, await pods.create(action.pod))
        })
        break
      case "updatePod":
        this.#freshPods.wrote(id, await pods.update(action.pod))
        break
      case "deletePod":
        await this.#deletePod(id, set, action)
        break
    }
  }

  async #deletePod(id: string, set: StatefulSet, action: StatefulAction & { kind: "deletePod" }): Promise<void> {
    const { client, recorder } = this.#context
    const { namespace = "", name = "", uid = "" } = action.pod.metadata
    if (action.because) {
      const [type, reason, word] =
        action.because === "failed"
          ? (["Warning", "RecreatingFailedPod", "failed"] as const)
          : (["Normal", "RecreatingTerminatedPod", "terminated"] as const)
      recorder.event(set, type, reason, `StatefulSet ${keyText(keyOf(set))} is recreating ${word} Pod ${name}`)
    }
    await this.#telling(set, "Delete", `Pod ${name} in StatefulSet ${set.metadata.name}`, async () => {
      await client
        .resource(refs.pods)
        .delete(name, { namespace, preconditions: { uid } })
        .catch((error: unknown) => {
          if (!isStatus(error, "NotFound")) throw error
        })
      this.#freshPods.deleted(id, action.pod)
    })
  }

  /** Does something and says in an event how it went. */
  async #telling(set: StatefulSet, verb: "Create" | "Delete", what: string, task: () => Promise<void>): Promise<void> {
    const { recorder } = this.#context
    const word = verb.toLowerCase()
    try {
      await task()
      recorder.event(
        set,
        "Normal",
        `Successful${verb}`,
        `${word} ${what} ${what.startsWith("Claim") ? "success" : "successful"}`,
      )
    } catch (error) {
      recorder.event(set, "Warning", `Failed${verb}`, `${word} ${what} failed error: ${errorMessage(error)}`)
      throw error
    }
  }

  async #cleanUp(
    id: string,
    set: StatefulSet,
    revisions: readonly ControllerRevision[],
    inStatus: readonly (string | undefined)[],
    pods: readonly Pod[],
  ): Promise<void> {
    const used = new Set([...inStatus, ...pods.map(revisionOf)])
    const surplus = surplusRevisions(
      revisions.toSorted(byRevision),
      (revision) => used.has(revision.metadata.name),
      set.spec?.revisionHistoryLimit ?? 10,
    )
    await deleteRevisions(this.#context.client, surplus)
    for (const revision of surplus) this.#freshRevisions.deleted(id, revision)
  }
}
