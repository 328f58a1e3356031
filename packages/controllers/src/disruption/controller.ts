import { type corev1, type policyv1, refs } from "@ladya/api"
import { compileLabelSelector, type KubeObject, keyOf, type ObjectKey, semanticEqual } from "@ladya/apimachinery"
import { done, type Informer, newController, type Reconciler, type Result, requeueAfter } from "@ladya/client"
import type { ControllerContext, ControllerDefinition } from "../context.ts"
import { ownedInformer, podInformer } from "../shared/indexes.ts"
import { writeStatus } from "../shared/status.ts"
import { planBudget } from "./plan.ts"
import { ExpectedScale } from "./scale.ts"

type Budget = policyv1.PodDisruptionBudget
type Pod = corev1.Pod

/** Keeps the numbers by which evictions are granted or refused. */
export const disruptionController: ControllerDefinition = {
  name: "disruption",
  account: "disruption-controller",
  eventSource: "controllermanager",
  create: (context) => {
    const { informers, client, catalog, clock, log, metrics, config } = context
    const budgets = informers.informer(refs.poddisruptionbudgets)
    const pods = podInformer(informers)
    const caches = {
      replicaSets: ownedInformer(informers, refs.replicasets),
      deployments: informers.informer(refs.deployments),
      statefulSets: informers.informer(refs.statefulsets),
      replicationControllers: informers.informer(refs.replicationcontrollers),
    }
    const controller = newController({
      name: "disruption",
      reconciler: new BudgetReconciler(context, budgets, pods, new ExpectedScale(client, catalog, caches)),
      workers: config.workers,
      clock,
      log,
      metrics,
      waitFor: [budgets, pods, catalog, ...Object.values(caches)],
    })
    const enqueue = (budget: Budget): void => controller.enqueue(keyOf(budget))
    budgets.addHandler({ add: enqueue, update: enqueue })
    const enqueueSelecting = (...seen: Pod[]): void => {
      for (const budget of budgets.inNamespace(seen[0]?.metadata.namespace ?? "")) {
        const selector = compileLabelSelector(budget.spec?.selector)
        if (seen.some((pod) => selector.matches(pod.metadata.labels))) enqueue(budget)
      }
    }
    pods.addHandler({
      add: (pod) => enqueueSelecting(pod),
      update: (pod, previous) => {
        if (!isSame(pod, previous)) enqueueSelecting(pod, previous)
      },
      delete: (pod) => enqueueSelecting(pod),
    })
    // A change of the wanted number comes with pods that come or go; when it does not (scaling a broken workload),
    // the budgets that look at it are found through its namespace.
    const enqueueNamespace = (object: { metadata: { namespace?: string } }): void => {
      for (const budget of budgets.inNamespace(object.metadata.namespace ?? "")) enqueue(budget)
    }
    onScaled(caches.deployments, enqueueNamespace)
    onScaled(caches.statefulSets, enqueueNamespace)
    onScaled(caches.replicaSets, enqueueNamespace)
    return controller
  },
}

function onScaled<T extends KubeObject & { spec?: { replicas?: number } }>(
  informer: Informer<T>,
  then: (object: T) => void,
): void {
  informer.addHandler({
    update: (object, previous) => {
      if (object.spec?.replicas !== previous.spec?.replicas) then(object)
    },
  })
}

/** Whether a change of a pod leaves all that budgets look at as it is. */
function isSame(pod: Pod, previous: Pod): boolean {
  const facts = (one: Pod): unknown => [
    one.metadata.labels,
    one.metadata.deletionTimestamp !== undefined,
    one.status?.phase,
    one.status?.conditions?.find((condition) => condition.type === "Ready")?.status,
    one.metadata.ownerReferences,
  ]
  return semanticEqual(facts(pod), facts(previous))
}

class BudgetReconciler implements Reconciler {
  readonly #context: ControllerContext
  readonly #budgets: Informer<Budget>
  readonly #pods: Informer<Pod>
  readonly #scale: ExpectedScale

  constructor(context: ControllerContext, budgets: Informer<Budget>, pods: Informer<Pod>, scale: ExpectedScale) {
    this.#context = context
    this.#budgets = budgets
    this.#pods = pods
    this.#scale = scale
  }

  async reconcile(key: ObjectKey): Promise<Result> {
    const { client, clock, recorder } = this.#context
    const budget = this.#budgets.get(key)
    if (!budget || budget.metadata.deletionTimestamp) return done
    const selector = compileLabelSelector(budget.spec?.selector)
    const pods = this.#pods.inNamespace(key.namespace).filter((pod) => selector.matches(pod.metadata.labels))
    if (pods.length === 0) recorder.event(budget, "Normal", "NoPods", "No matching pods found")
    const scale = await this.#scale.of(pods)
    const plan = planBudget({ budget, pods, scale, now: clock.now() })
    if (plan.failure) {
      const message = `Failed to calculate the number of expected pods: ${plan.failure}`
      recorder.event(budget, "Warning", "CalculateExpectedPodCountFailed", message)
    }
    await writeStatus(client.resource(refs.poddisruptionbudgets), budget, plan.status)
    return plan.requeueMs === undefined ? done : requeueAfter(plan.requeueMs)
  }
}
