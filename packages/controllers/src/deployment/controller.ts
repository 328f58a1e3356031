import { type appsv1, type corev1, refs } from "@ladya/api"
import {
  compileLabelSelector,
  controllerOf,
  isStatus,
  keyOf,
  keyText,
  type ObjectKey,
  semanticEqual,
} from "@ladya/apimachinery"
import { done, type Informer, newController, type Reconciler, type Result, requeueAfter } from "@ladya/client"
import { errorMessage } from "@ladya/util"
import type { ControllerContext, ControllerDefinition } from "../context.ts"
import { claimOwned, controllingOwner, enqueueOwners } from "../shared/claims.ts"
import { Freshness } from "../shared/freshness.ts"
import { byController, ownedInformer, podInformer } from "../shared/indexes.ts"
import { isNamespaceTerminating } from "../shared/pod-control.ts"
import { writeStatus } from "../shared/status.ts"
import { type DeploymentAction, planDeployment } from "./plan.ts"
import { revisionKey, sameTemplate } from "./revisions.ts"
import { hasProgressDeadline, withCondition } from "./status.ts"

type Deployment = appsv1.Deployment
type ReplicaSet = appsv1.ReplicaSet

export const deploymentController: ControllerDefinition = {
  name: "deployment",
  account: "deployment-controller",
  create: (context) => {
    const { informers, clock, log, metrics, config } = context
    const deployments = informers.informer(refs.deployments)
    const replicaSets = ownedInformer(informers, refs.replicasets)
    const pods = podInformer(informers)
    const controller = newController({
      name: "deployment",
      reconciler: new DeploymentReconciler(context, deployments, replicaSets, pods),
      workers: config.workers,
      clock,
      log,
      metrics,
      waitFor: [deployments, replicaSets, pods],
    })
    const enqueue = (deployment: Deployment): void => controller.enqueue(keyOf(deployment))
    deployments.addHandler({ add: enqueue, update: enqueue, delete: enqueue })
    enqueueOwners({
      owned: replicaSets,
      owners: deployments,
      selects: (deployment, replicaSet) =>
        compileLabelSelector(deployment.spec?.selector).matches(replicaSet.metadata.labels),
      enqueue: (key) => controller.enqueue(key),
    })
    // Recreate waits for the last old pod to go, which no ReplicaSet tells.
    pods.addHandler({
      delete: (pod) => {
        const replicaSet = controllingOwner(pod, replicaSets)
        const deployment = replicaSet && controllingOwner(replicaSet, deployments)
        if (deployment?.spec?.strategy?.type === "Recreate") enqueue(deployment)
      },
    })
    return controller
  },
}

function withRevision(deployment: Deployment, revision: string): Deployment {
  const annotations = { ...deployment.metadata.annotations, [revisionKey]: revision }
  return { ...deployment, metadata: { ...deployment.metadata, annotations } }
}

class DeploymentReconciler implements Reconciler {
  readonly #context: ControllerContext
  readonly #deployments: Informer<Deployment>
  readonly #replicaSets: Informer<ReplicaSet>
  readonly #pods: Informer<corev1.Pod>
  readonly #fresh: Freshness<ReplicaSet>

  constructor(
    context: ControllerContext,
    deployments: Informer<Deployment>,
    replicaSets: Informer<ReplicaSet>,
    pods: Informer<corev1.Pod>,
  ) {
    this.#context = context
    this.#deployments = deployments
    this.#replicaSets = replicaSets
    this.#pods = pods
    this.#fresh = new Freshness(replicaSets, context.clock)
  }

  async reconcile(key: ObjectKey): Promise<Result> {
    const id = keyText(key)
    const deployment = this.#deployments.get(key)
    if (!deployment) {
      this.#fresh.forget(id)
      return done
    }
    const { client, recorder, clock } = this.#context
    if (semanticEqual(deployment.spec?.selector, {}) || !deployment.spec?.selector) {
      const message = "This deployment is selecting all pods. A non-empty selector is required."
      recorder.event(deployment, "Warning", "SelectingAll", message)
      const status = { ...deployment.status, observedGeneration: deployment.metadata.generation ?? 0 }
      await writeStatus(client.resource(refs.deployments), deployment, status)
      return done
    }
    // The ReplicaSet's event brings us back.
    if (!this.#fresh.isFresh(id)) return done
    const replicaSets = await claimOwned({
      owner: deployment,
      ownerRef: refs.deployments,
      selector: compileLabelSelector(deployment.spec.selector),
      informer: this.#replicaSets,
      client,
      onWrite: (replicaSet) => this.#fresh.wrote(id, replicaSet),
    })
    const podsOf = (uid: string): readonly corev1.Pod[] => this.#pods.byIndex(byController, uid)
    const plan = planDeployment({ deployment, replicaSets, podsOf, now: clock.now() })
    let current = deployment
    for (const action of plan.actions) current = await this.#apply(id, current, action)
    await writeStatus(client.resource(refs.deployments), current, plan.status)
    return plan.requeueMs === undefined ? done : requeueAfter(plan.requeueMs)
  }

  /** Returns the Deployment as it is afterwards. */
  async #apply(id: string, deployment: Deployment, action: DeploymentAction): Promise<Deployment> {
    const { client } = this.#context
    const { namespace = "" } = deployment.metadata
    const replicaSets = client.resource(refs.replicasets)
    switch (action.kind) {
      case "setRevision":
        return client.resource(refs.deployments).update(withRevision(deployment, action.revision))
      case "create":
        this.#fresh.wrote(id, await this.#create(deployment, action.replicaSet))
        break
      case "update":
        this.#fresh.wrote(id, await replicaSets.update(action.replicaSet))
        if (action.scaled) this.#tellScaling(deployment, action.replicaSet, action.scaled)
        break
      case "delete":
        await replicaSets.delete(action.replicaSet.metadata.name ?? "", { namespace }).catch((error: unknown) => {
          if (!isStatus(error, "NotFound")) throw error
        })
        this.#fresh.deleted(id, action.replicaSet)
        break
    }
    return deployment
  }

  #tellScaling(deployment: Deployment, replicaSet: ReplicaSet, { from, to }: { from: number; to: number }): void {
    const direction = to > from ? "up" : "down"
    const message = `Scaled ${direction} replica set ${replicaSet.metadata.name} from ${from} to ${to}`
    this.#context.recorder.event(deployment, "Normal", "ScalingReplicaSet", message)
  }

  /** Creates the new ReplicaSet. A name that is taken by another template is a collision: the hash gets another seed. */
  async #create(deployment: Deployment, replicaSet: ReplicaSet): Promise<ReplicaSet> {
    const { client, clock } = this.#context
    const { namespace = "", name = "" } = replicaSet.metadata
    const deployments = client.resource(refs.deployments)
    try {
      const created = await client.resource(refs.replicasets).create(replicaSet)
      const to = replicaSet.spec?.replicas ?? 0
      if (to > 0) this.#tellScaling(deployment, replicaSet, { from: 0, to })
      return created
    } catch (error) {
      if (isStatus(error, "AlreadyExists")) {
        const taken = await client.resource(refs.replicasets).get(name, { namespace })
        const isOurs = controllerOf(taken)?.uid === deployment.metadata.uid
        if (isOurs && sameTemplate(taken.spec?.template, deployment.spec?.template)) return taken
        const collisionCount = (deployment.status?.collisionCount ?? 0) + 1
        await deployments.updateStatus({ ...deployment, status: { ...deployment.status, collisionCount } })
      } else if (hasProgressDeadline(deployment) && !isNamespaceTerminating(error)) {
        const message = `Failed to create new replica set ${JSON.stringify(name)}: ${errorMessage(error)}`
        const failed = { type: "Progressing", status: "False", reason: "ReplicaSetCreateError", message }
        const conditions = withCondition(deployment.status?.conditions ?? [], failed, clock.now())
        const status = { ...deployment.status, conditions: [...conditions] }
        await writeStatus(deployments, deployment, status)
      }
      throw error
    }
  }
}
