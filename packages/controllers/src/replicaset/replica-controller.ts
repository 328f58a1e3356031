import { type appsv1, type corev1, isPodActive } from "@ladya/api"
import { type KubeObject, keyText, type ObjectKey, type ResourceRef, type Selector } from "@ladya/apimachinery"
import {
  type Controller,
  done,
  type Informer,
  newController,
  type Reconciler,
  type Result,
  requeueAfter,
} from "@ladya/client"
import type { Component } from "@ladya/util"
import type { ControllerContext } from "../context.ts"
import { claimOwned, enqueueOwners } from "../shared/claims.ts"
import { Freshness } from "../shared/freshness.ts"
import { byController, podInformer } from "../shared/indexes.ts"
import { isNamespaceTerminating, PodControl, podFromTemplate } from "../shared/pod-control.ts"
import { settleMs } from "../shared/settle.ts"
import { slowStart } from "../shared/slow-start.ts"
import { writeStatus } from "../shared/status.ts"
import { planReplicas } from "./plan.ts"
import { nextAvailabilityMs, replicaStatus } from "./status.ts"

/** What a ReplicaSet and a ReplicationController have in common. */
export interface ReplicaKind<T extends KubeObject> {
  name: string
  ref: ResourceRef<T>
  selector(owner: T): Selector
  spec(owner: T): { replicas: number; minReadySeconds: number; template: corev1.PodTemplateSpec | undefined }
  /** Owners whose pods serve the same purpose: their pods are spread together. */
  related(owner: T, owners: Informer<T>): readonly T[]
}

type Replicated = KubeObject & { status?: appsv1.ReplicaSetStatus }

/** Keeps the number of an owner's pods at the desired one. */
export function newReplicaController<T extends Replicated>(
  kind: ReplicaKind<T>,
  context: ControllerContext,
): Component {
  const { informers, clock, log, metrics, config } = context
  const owners = informers.informer(kind.ref)
  const pods = podInformer(informers)
  const controller: Controller = newController({
    name: kind.name,
    reconciler: new ReplicaReconciler(kind, context, owners, pods),
    workers: config.workers,
    clock,
    log,
    metrics,
    waitFor: [owners, pods],
  })
  const enqueue = (owner: T): void =>
    controller.enqueue({ namespace: owner.metadata.namespace ?? "", name: owner.metadata.name ?? "" })
  owners.addHandler({ add: enqueue, update: enqueue, delete: enqueue })
  enqueueOwners({
    owned: pods,
    owners,
    selects: (owner, pod) => kind.selector(owner).matches(pod.metadata.labels),
    enqueue: (key, owner) =>
      controller.enqueueAfter(key, settleMs(pods.countByIndex(byController, owner.metadata.uid ?? ""))),
  })
  return controller
}

class ReplicaReconciler<T extends Replicated> implements Reconciler {
  readonly #kind: ReplicaKind<T>
  readonly #context: ControllerContext
  readonly #owners: Informer<T>
  readonly #pods: Informer<corev1.Pod>
  readonly #fresh: Freshness<corev1.Pod>
  readonly #podControl: PodControl

  constructor(kind: ReplicaKind<T>, context: ControllerContext, owners: Informer<T>, pods: Informer<corev1.Pod>) {
    this.#kind = kind
    this.#context = context
    this.#owners = owners
    this.#pods = pods
    this.#fresh = new Freshness(pods, context.clock)
    this.#podControl = new PodControl(context)
  }

  async reconcile(key: ObjectKey): Promise<Result> {
    const { client, clock } = this.#context
    const owner = this.#owners.get(key)
    const id = keyText(key)
    if (!owner) {
      this.#fresh.forget(id)
      return done
    }
    const isFresh = this.#fresh.isFresh(id)
    const pods = await claimOwned({
      owner,
      ownerRef: this.#kind.ref as ResourceRef,
      selector: this.#kind.selector(owner),
      informer: this.#pods,
      client,
      onWrite: (pod) => this.#fresh.wrote(id, pod),
    })
    const spec = this.#kind.spec(owner)
    const attempted = isFresh && !owner.metadata.deletionTimestamp
    const failure = attempted ? await this.#scale(id, owner, pods) : undefined
    const now = clock.now()
    const status = replicaStatus({
      generation: owner.metadata.generation,
      desired: spec.replicas,
      minReadySeconds: spec.minReadySeconds,
      templateLabels: spec.template?.metadata?.labels,
      previous: owner.status,
      pods,
      attempted,
      failure,
      now,
    })
    await writeStatus(client.resource(this.#kind.ref), owner, status as NonNullable<T["status"]>)
    if (failure !== undefined) throw failure
    const nextMs = nextAvailabilityMs(pods, spec.minReadySeconds, now)
    return nextMs === undefined ? done : requeueAfter(nextMs)
  }

  /** Creates or deletes pods; returns what went wrong. */
  async #scale(id: string, owner: T, pods: readonly corev1.Pod[]): Promise<unknown> {
    const { replicas, template } = this.#kind.spec(owner)
    const plan = planReplicas({
      desired: replicas,
      active: pods.filter(isPodActive),
      podsOnNode: this.#podsOnNode(owner),
      now: this.#context.clock.now(),
    })
    if (plan.kind === "create" && template) {
      const { error } = await slowStart(plan.count, async () => {
        this.#fresh.wrote(id, await this.#podControl.create(owner, podFromTemplate(owner, template)))
      })
      return isNamespaceTerminating(error) ? undefined : error
    }
    if (plan.kind === "delete") {
      const results = await Promise.allSettled(
        plan.pods.map(async (pod) => {
          await this.#podControl.delete(owner, pod)
          this.#fresh.deleted(id, pod)
        }),
      )
      return results.find((result) => result.status === "rejected")?.reason
    }
    return undefined
  }

  /** Counts active pods of this owner and its relatives by node, when first asked. */
  #podsOnNode(owner: T): (nodeName: string) => number {
    let counts: Map<string, number> | undefined
    return (nodeName) => {
      if (!counts) {
        counts = new Map()
        for (const relative of this.#kind.related(owner, this.#owners)) {
          for (const pod of this.#pods.byIndex(byController, relative.metadata.uid ?? "")) {
            if (!isPodActive(pod)) continue
            const node = pod.spec?.nodeName ?? ""
            counts.set(node, (counts.get(node) ?? 0) + 1)
          }
        }
      }
      return counts.get(nodeName) ?? 0
    }
  }
}
