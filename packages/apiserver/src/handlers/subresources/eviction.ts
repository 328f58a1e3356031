import type { corev1, policyv1 } from "@ladya/api"
import {
  compileLabelSelector,
  deepCopy,
  formatTime,
  isConditionTrue,
  isStatus,
  type KubeObject,
  type metav1,
  newStatusError,
  type StatusError,
  setCondition,
  statusError,
} from "@ladya/apimachinery"
import { type Engine, type Operation, type Result, storageOf } from "../operation.ts"
import { isDryRun } from "../parameters.ts"
import type { SpecialResource } from "../special.ts"
import { checkPreconditions, type DeleteOptions, deleteObject } from "../write/delete.ts"
import { strategyOf } from "../write/strategies.ts"
import { updateObject } from "../write/update.ts"

/** Budgets remember at most so many evicted pods that are not gone yet. */
const maxDisruptedPods = 2000

/** Deletes a pod if its disruption budget allows it. */
export const evictionResource: SpecialResource = {
  input: { group: "policy", version: "v1", kind: "Eviction", type: "io.k8s.api.policy.v1.Eviction" },
  create: (engine, operation, input) => evict(engine, operation, input as policyv1.Eviction),
}

async function evict(engine: Engine, operation: Operation, eviction: policyv1.Eviction): Promise<Result> {
  if (eviction.metadata.name && eviction.metadata.name !== operation.name) {
    throw statusError.badRequest("name in URL does not match name in Eviction object")
  }
  const given: Partial<metav1.DeleteOptions> = eviction.deleteOptions ?? {}
  const dryRun = operation.dryRun || isDryRun(given.dryRun ?? [], "DeleteOptions")
  const podOperation: Operation = { ...operation, subresource: "", dryRun, isPart: true }
  const storage = storageOf(operation)
  const entry = await storage.get(storage.keyOf(operation.namespace, operation.name))
  if (!entry) throw statusError.notFound(operation.resource.kind, operation.name)
  const pod = entry.object as corev1.Pod
  if (!canIgnoreBudget(pod)) await askBudget(engine, podOperation, pod)
  // Not another pod of the same name.
  const preconditions = { uid: pod.metadata.uid ?? "", ...given.preconditions }
  if (!pod.metadata.deletionTimestamp && !dryRun) {
    const marked = await markDisrupted(engine, podOperation, preconditions)
    if (preconditions.resourceVersion) preconditions.resourceVersion = marked
  }
  const options: DeleteOptions = {
    gracePeriodSeconds: given.gracePeriodSeconds,
    propagationPolicy: given.propagationPolicy,
    preconditions,
  }
  await deleteObject(engine, podOperation, options)
  const status = { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", code: 201 }
  return { type: "object", code: 201, object: status as KubeObject, kind: undefined }
}

/** Says in the pod's status why it ends (KEP-3329): Jobs and people tell disruptions from failures by it. */
async function markDisrupted(
  engine: Engine,
  operation: Operation,
  wanted: { uid: string; resourceVersion?: string },
): Promise<string> {
  const strategy = strategyOf(storageOf(operation).kind, "status")
  if (!strategy) throw new Error("pods have no status")
  const result = await updateObject(
    engine,
    { ...operation, subresource: "status" },
    {
      strategy,
      isPatch: true,
      ownership: "kept",
      compute: (current) => {
        if (!current) throw statusError.notFound(operation.resource.kind, operation.name)
        checkPreconditions(operation, current, { preconditions: wanted })
        const pod = deepCopy(current as corev1.Pod)
        const conditions = setCondition(
          pod.status?.conditions,
          {
            type: "DisruptionTarget",
            status: "True",
            reason: "EvictionByEvictionAPI",
            message: "Eviction API: evicting",
          },
          engine.clock.now(),
        )
        return { ...pod, status: { ...pod.status, conditions: [...conditions] } }
      },
    },
  )
  return (result.type === "entry" && result.entry.object.metadata.resourceVersion) || ""
}

function canIgnoreBudget(pod: corev1.Pod): boolean {
  const phase = pod.status?.phase
  return phase === "Succeeded" || phase === "Failed" || phase === "Pending" || !!pod.metadata.deletionTimestamp
}

async function askBudget(engine: Engine, operation: Operation, pod: corev1.Pod): Promise<void> {
  const budgets = await budgetsOf(engine, pod)
  if (budgets.length > 1) {
    throw newStatusError(
      "InternalError",
      "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.",
    )
  }
  const budget = budgets[0]
  if (!budget) return
  const isReady = isConditionTrue(pod.status?.conditions, "Ready")
  const { status } = budget
  if (!isReady) {
    if (budget.spec?.unhealthyPodEvictionPolicy === "AlwaysAllow") return
    const { currentHealthy = 0, desiredHealthy = 0 } = status ?? {}
    if (currentHealthy >= desiredHealthy && desiredHealthy > 0) return
  }
  const resource = engine.resources.lookup("policy", "v1", "poddisruptionbudgets")
  const strategy = resource?.storage && strategyOf(resource.storage.kind, "status")
  if (!resource || !strategy) throw new Error("PodDisruptionBudgets are not served")
  const name = budget.metadata.name ?? ""
  try {
    await updateObject(
      engine,
      { ...operation, resource, name, subresource: "status" },
      {
        strategy,
        isPatch: true,
        ownership: "kept",
        compute: (current) => take(current as policyv1.PodDisruptionBudget, pod, engine),
      },
    )
  } catch (error) {
    if (isStatus(error, "Conflict")) throw tooMany(`the disruption budget ${name} is changing too fast`, 10)
    throw error
  }
}

/** The budget with one disruption less. Throws a 429 Status when none is left. */
function take(budget: policyv1.PodDisruptionBudget, pod: corev1.Pod, engine: Engine): policyv1.PodDisruptionBudget {
  const draft = deepCopy(budget)
  const name = budget.metadata.name ?? ""
  const { status } = draft
  if (!status || (status.observedGeneration ?? 0) < (budget.metadata.generation ?? 0)) {
    throw tooMany(`The disruption budget ${name} is still being processed by the server.`, 10)
  }
  const { disruptionsAllowed = 0, desiredHealthy = 0, currentHealthy = 0 } = status
  if (disruptionsAllowed <= 0) {
    throw tooMany(
      `The disruption budget ${name} needs ${desiredHealthy} healthy pods and has ${currentHealthy} currently`,
    )
  }
  const disrupted = status.disruptedPods ?? {}
  if (Object.keys(disrupted).length >= maxDisruptedPods) {
    throw tooMany(`DisruptedPods map too big - too many evictions not confirmed by PDB controller`)
  }
  status.disruptionsAllowed = disruptionsAllowed - 1
  status.disruptedPods = { ...disrupted, [pod.metadata.name ?? ""]: formatTime(engine.clock.now()) }
  return draft
}

function tooMany(why: string, retryAfterSeconds?: number): StatusError {
  return newStatusError("TooManyRequests", "Cannot evict pod as it would violate the pod's disruption budget.", {
    causes: [{ reason: "DisruptionBudget", message: why }],
    ...(retryAfterSeconds ? { retryAfterSeconds } : {}),
  })
}

async function budgetsOf(engine: Engine, pod: corev1.Pod): Promise<policyv1.PodDisruptionBudget[]> {
  const storage = engine.resources.storage("policy", "poddisruptionbudgets")
  await storage.fresh()
  const found: policyv1.PodDisruptionBudget[] = []
  for (const entry of storage.cache.scan({ namespace: pod.metadata.namespace ?? "", name: undefined })) {
    const budget = entry.object as policyv1.PodDisruptionBudget
    if (compileLabelSelector(budget.spec?.selector).matches(pod.metadata.labels)) found.push(budget)
  }
  return found
}
