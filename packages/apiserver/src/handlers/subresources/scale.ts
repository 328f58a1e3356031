import type { autoscalingv1, ScaleAccess } from "@ladya/api"
import {
  type DecodeTarget,
  deepCopy,
  fieldError,
  type KubeObject,
  managedFromScale,
  managedOfScale,
  recordUpdate,
  statusError,
} from "@ladya/apimachinery"
import { type Engine, type Operation, type Result, servedObject, storageOf } from "../operation.ts"
import { type Compute, methodNotAllowed, type SpecialResource } from "../special.ts"
import { entryIn, workingKind } from "../versions.ts"
import { admitView } from "../write/admit.ts"
import { viewOwnership } from "../write/apply.ts"
import { setManagedFields } from "../write/field-manager.ts"
import { strategyOf } from "../write/strategies.ts"
import { updateObject } from "../write/update.ts"

function accessOf(operation: Operation): ScaleAccess {
  const { scale } = operation.resource.kind.behaviour
  if (!scale) throw methodNotAllowed()
  return scale
}

function scaleOf(access: ScaleAccess, object: KubeObject): autoscalingv1.Scale {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata
  const { specReplicas, statusReplicas, selector } = access.read(object)
  return {
    kind: "Scale",
    apiVersion: "autoscaling/v1",
    metadata: Object.fromEntries(
      Object.entries({ name, namespace, uid, resourceVersion, creationTimestamp }).filter(
        ([, value]) => value !== undefined,
      ),
    ),
    spec: { replicas: specReplicas },
    status: { replicas: statusReplicas, ...(selector ? { selector } : {}) },
  }
}

const resultOf = (scale: autoscalingv1.Scale): Result => ({ type: "object", code: 200, object: scale, kind: undefined })

/** The `scale` subresource of every kind that says how it is read and written. */
export const scaleResource: SpecialResource = {
  async get(_engine, operation) {
    const access = accessOf(operation)
    const storage = storageOf(operation)
    const entry = await storage.get(storage.keyOf(operation.namespace, operation.name))
    if (!entry) throw statusError.notFound(operation.resource.kind, operation.name)
    return resultOf(scaleOf(access, servedObject(operation, await entryIn(operation.resource.kind, entry))))
  },
  update: (engine, operation, compute) => updateScale(engine, operation, compute),
}

async function updateScale(engine: Engine, operation: Operation, compute: Compute): Promise<Result> {
  const access = accessOf(operation)
  const strategy = strategyOf(workingKind(operation), "")
  if (!strategy) throw methodNotAllowed()
  const result = await updateObject(engine, operation, {
    strategy: { ...strategy, mayCreate: false },
    async compute(previous) {
      const current = previous as KubeObject
      const scale = scaleOf(access, current)
      setManagedFields(scale, managedOfScale(current, scale.apiVersion))
      const wanted = compute(deepCopy(scale)) as autoscalingv1.Scale
      await admitView(engine, operation, "UPDATE", wanted, { previous: scale })
      const owners =
        operation.force === undefined ? recordScale(engine, operation, scale, wanted) : wanted.metadata.managedFields
      const replicas = checkedReplicas(operation, wanted)
      const draft = deepCopy(current)
      access.write(draft, replicas)
      const { resourceVersion, uid } = wanted.metadata
      if (resourceVersion) draft.metadata.resourceVersion = resourceVersion
      else delete draft.metadata.resourceVersion
      if (uid) draft.metadata.uid = uid
      setManagedFields(draft, managedFromScale(current, owners))
      return draft
    },
    isPatch: true,
    ownership: "given",
  })
  const object =
    result.type === "entry"
      ? servedObject(operation, await entryIn(operation.resource.kind, result.entry))
      : result.type === "object"
        ? result.object
        : undefined
  return object ? resultOf(scaleOf(access, object)) : result
}

const scaleTarget: DecodeTarget = {
  group: "autoscaling",
  version: "v1",
  kind: "Scale",
  type: "io.k8s.api.autoscaling.v1.Scale",
}

function recordScale(
  engine: Engine,
  operation: Operation,
  scale: autoscalingv1.Scale,
  wanted: autoscalingv1.Scale,
): autoscalingv1.Scale["metadata"]["managedFields"] {
  // An object that is not tracked stays so.
  const context = viewOwnership(engine, operation, scaleTarget)
  return recordUpdate(context, scale, wanted, operation.fieldManager)
}

function checkedReplicas(operation: Operation, scale: autoscalingv1.Scale): number {
  if (scale.metadata.name && scale.metadata.name !== operation.name) {
    throw statusError.badRequest(
      `the name of the object (${scale.metadata.name}) does not match the name on the URL (${operation.name})`,
    )
  }
  const replicas = scale.spec?.replicas ?? 0
  if (replicas < 0) {
    throw statusError.invalid({ group: "autoscaling", kind: "Scale" }, operation.name, [
      fieldError.invalid("spec.replicas", replicas, "must be greater than or equal to 0"),
    ])
  }
  return replicas
}
