import { type appsv1, type corev1, refs } from "@ladya/api"
import { compileLabelSelector, keyOf, keyText, type ObjectKey, semanticEqual } from "@ladya/apimachinery"
import { done, type Informer, newController, type Reconciler, type Result, requeueAfter } from "@ladya/client"
import { Backoff } from "@ladya/util"
import type { ControllerContext, ControllerDefinition } from "../context.ts"
import { nextAvailabilityMs } from "../replicaset/status.ts"
import { claimOwned, enqueueOwners } from "../shared/claims.ts"
import { Freshness } from "../shared/freshness.ts"
import { applyHistory, deleteRevisions, planHistory, RevisionCollision, surplusRevisions } from "../shared/history.ts"
import { ownedInformer, podInformer } from "../shared/indexes.ts"
import { isNamespaceTerminating, PodControl } from "../shared/pod-control.ts"
import { settleMs } from "../shared/settle.ts"
import { slowStart } from "../shared/slow-start.ts"
import { writeStatus } from "../shared/status.ts"
import { daemonPod, hashLabel, placementOn } from "./placement.ts"
import { type DaemonInput, daemonStatus, planPlacement, planUpdate } from "./plan.ts"

type DaemonSet = appsv1.DaemonSet
type Pod = corev1.Pod

const burstReplicas = 250

export const daemonSetController: ControllerDefinition = {
  name: "daemonset",
  account: "daemon-set-controller",
  create: (context) => {
    const { informers, clock, log, metrics, config } = context
    const daemonSets = informers.informer(refs.daemonsets)
    const pods = podInformer(informers)
    const nodes = informers.informer(refs.nodes)
    const revisions = ownedInformer(informers, refs.controllerrevisions)
    const controller = newController({
      name: "daemonset",
      reconciler: new DaemonSetReconciler(context, { daemonSets, pods, nodes, revisions }),
      workers: config.workers,
      clock,
      log,
      metrics,
      waitFor: [daemonSets, pods, nodes, revisions],
    })
    const enqueue = (daemonSet: DaemonSet): void => controller.enqueue(keyOf(daemonSet))
    daemonSets.addHandler({ add: enqueue, update: enqueue, delete: enqueue })
    const selects = (daemonSet: DaemonSet, object: { metadata: { labels?: Record<string, string> } }): boolean =>
      compileLabelSelector(daemonSet.spec?.selector).matches(object.metadata.labels)
    enqueueOwners({
      owned: pods,
      owners: daemonSets,
      selects,
      enqueue: (key) => controller.enqueueAfter(key, settleMs(nodes.size)),
    })
    enqueueOwners({ owned: revisions, owners: daemonSets, selects, enqueue: (key) => controller.enqueue(key) })
    const enqueueWhere = (isConcerned: (daemonSet: DaemonSet) => boolean): void => {
      for (const daemonSet of daemonSets.values()) if (isConcerned(daemonSet)) enqueue(daemonSet)
    }
    nodes.addHandler({
      add: (node) => enqueueWhere((daemonSet) => placementOn(daemonSet, node).wanted),
      update: (node, previous) => {
        // Heartbeats change nothing here, and come all the time.
        const isSame =
          semanticEqual(node.metadata.labels, previous.metadata.labels) &&
          semanticEqual(node.spec?.taints, previous.spec?.taints)
        if (isSame) return
        enqueueWhere((daemonSet) => !semanticEqual(placementOn(daemonSet, node), placementOn(daemonSet, previous)))
      },
      delete: (node) => enqueueWhere((daemonSet) => placementOn(daemonSet, node).mayStay),
    })
    return controller
  },
}

interface Caches {
  daemonSets: Informer<DaemonSet>
  pods: Informer<Pod>
  nodes: Informer<corev1.Node>
  revisions: Informer<appsv1.ControllerRevision>
}

class DaemonSetReconciler implements Reconciler {
  readonly #context: ControllerContext
  readonly #caches: Caches
  readonly #freshPods: Freshness<Pod>
  readonly #freshRevisions: Freshness<appsv1.ControllerRevision>
  readonly #podControl: PodControl
  readonly #failures: Backoff

  constructor(context: ControllerContext, caches: Caches) {
    this.#context = context
    this.#caches = caches
    this.#freshPods = new Freshness(caches.pods, context.clock)
    this.#freshRevisions = new Freshness(caches.revisions, context.clock)
    this.#podControl = new PodControl(context)
    this.#failures = new Backoff(context.clock, { initialMs: 1000, maxMs: 900_000 })
  }

  async reconcile(key: ObjectKey): Promise<Result> {
    const { client, clock, recorder } = this.#context
    const id = keyText(key)
    const daemonSet = this.#caches.daemonSets.get(key)
    if (!daemonSet) {
      this.#freshPods.forget(id)
      this.#freshRevisions.forget(id)
      return done
    }
    if (!daemonSet.spec || semanticEqual(daemonSet.spec.selector, {})) {
      const message = "This daemon set is selecting all pods. A non-empty selector is required."
      recorder.event(daemonSet, "Warning", "SelectingAll", message)
      return done
    }
    if (daemonSet.metadata.deletionTimestamp || !this.#freshRevisions.isFresh(id)) return done
    const history = await this.#history(id, daemonSet)
    if (!history) return done
    const selector = compileLabelSelector(daemonSet.spec.selector)
    const arePodsFresh = this.#freshPods.isFresh(id)
    const pods = await claimOwned({
      owner: daemonSet,
      ownerRef: refs.daemonsets,
      selector,
      informer: this.#caches.pods,
      client,
      onWrite: (pod) => this.#freshPods.wrote(id, pod),
    })
    const { hash } = history
    const input: DaemonInput = { daemonSet, nodes: this.#caches.nodes.list(), pods, hash, now: clock.now() }
    let failure: unknown
    let waitMs: number | undefined
    if (arePodsFresh) ({ failure, waitMs } = await this.#manage(id, input))
    if (arePodsFresh && failure === undefined && this.#freshPods.isFresh(id)) {
      const update = planUpdate(input)
      failure = await this.#apply(id, daemonSet, hash, update.create, update.remove)
    }
    await this.#cleanUp(id, daemonSet, history.revisions, hash, pods)
    const status = daemonStatus(input, daemonSet.status?.collisionCount)
    await writeStatus(client.resource(refs.daemonsets), daemonSet, status)
    if (failure !== undefined) throw failure
    const nextMs = nextAvailabilityMs(pods, daemonSet.spec.minReadySeconds ?? 0, input.now)
    const soonest = Math.min(nextMs ?? Number.POSITIVE_INFINITY, waitMs ?? Number.POSITIVE_INFINITY)
    return Number.isFinite(soonest) ? requeueAfter(soonest) : done
  }

  /** The hash of the wanted template, whose revision is made when it is not there; undefined: come back later. */
  async #history(
    id: string,
    daemonSet: DaemonSet,
  ): Promise<{ hash: string; revisions: readonly appsv1.ControllerRevision[] } | undefined> {
    const { client } = this.#context
    const revisions = await claimOwned({
      owner: daemonSet,
      ownerRef: refs.daemonsets,
      selector: compileLabelSelector(daemonSet.spec?.selector),
      informer: this.#caches.revisions,
      client,
      onWrite: (revision) => this.#freshRevisions.wrote(id, revision),
    })
    const collisionCount = daemonSet.status?.collisionCount ?? 0
    const plan = planHistory({
      owner: daemonSet,
      template: daemonSet.spec?.template ?? {},
      revisions,
      collisionCount,
      hashLabel,
    })
    try {
      const current = await applyHistory(client, plan)
      if (plan.kind !== "none") this.#freshRevisions.wrote(id, current)
      const others = revisions.filter((one) => one.metadata.name !== current.metadata.name)
      return { hash: current.metadata.labels?.[hashLabel] ?? "", revisions: [...others, current] }
    } catch (error) {
      if (!(error instanceof RevisionCollision)) throw error
      const status = { ...(daemonSet.status ?? emptyStatus), collisionCount: collisionCount + 1 }
      await writeStatus(client.resource(refs.daemonsets), daemonSet, status)
      return undefined
    }
  }

  async #manage(id: string, input: DaemonInput): Promise<{ failure: unknown; waitMs: number | undefined }> {
    const { daemonSet, hash } = input
    const { recorder } = this.#context
    const plan = planPlacement(input)
    const remove = [...plan.remove, ...plan.succeeded]
    let waitMs: number | undefined
    for (const pod of plan.succeeded) {
      const message = `Found succeeded daemon pod ${keyText(keyOf(pod))} on node ${pod.spec?.nodeName}, will try to delete it`
      recorder.event(daemonSet, "Normal", "SucceededDaemonPod", message)
    }
    for (const { pod, nodeName } of plan.failed) {
      const backoffKey = `${daemonSet.metadata.uid}/${daemonSet.metadata.generation}/${nodeName}`
      const remaining = this.#failures.remaining(backoffKey)
      if (remaining > 0) {
        waitMs = Math.min(waitMs ?? remaining, remaining)
        continue
      }
      this.#failures.next(backoffKey)
      const message = `Found failed daemon pod ${keyText(keyOf(pod))} on node ${nodeName}, will try to kill it`
      recorder.event(daemonSet, "Warning", "FailedDaemonPod", message)
      remove.push(pod)
    }
    return { failure: await this.#apply(id, daemonSet, hash, plan.create, remove), waitMs }
  }

  /** Returns what went wrong. */
  async #apply(
    id: string,
    daemonSet: DaemonSet,
    hash: string,
    create: readonly string[],
    remove: readonly Pod[],
  ): Promise<unknown> {
    const { error } = await slowStart(Math.min(create.length, burstReplicas), async (index) => {
      const pod = daemonPod(daemonSet, create[index] as string, hash)
      this.#freshPods.wrote(id, await this.#podControl.create(daemonSet, pod))
    })
    const results = await Promise.allSettled(
      remove.slice(0, burstReplicas).map(async (pod) => {
        await this.#podControl.delete(daemonSet, pod)
        this.#freshPods.deleted(id, pod)
      }),
    )
    if (error !== undefined && !isNamespaceTerminating(error)) return error
    return results.find((result) => result.status === "rejected")?.reason
  }

  async #cleanUp(
    id: string,
    daemonSet: DaemonSet,
    revisions: readonly appsv1.ControllerRevision[],
    hash: string,
    pods: readonly Pod[],
  ): Promise<void> {
    const used = new Set([hash, ...pods.map((pod) => pod.metadata.labels?.[hashLabel])])
    const surplus = surplusRevisions(
      revisions,
      (revision) => used.has(revision.metadata.labels?.[hashLabel] ?? ""),
      daemonSet.spec?.revisionHistoryLimit ?? 10,
    )
    await deleteRevisions(this.#context.client, surplus)
    for (const revision of surplus) this.#freshRevisions.deleted(id, revision)
  }
}

const emptyStatus: appsv1.DaemonSetStatus = Object.freeze({
  currentNumberScheduled: 0,
  desiredNumberScheduled: 0,
  numberMisscheduled: 0,
  numberReady: 0,
})
