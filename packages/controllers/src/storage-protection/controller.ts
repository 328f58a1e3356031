import { type corev1, refs } from "@ladya/api"
import { isStatus, type KubeObject, keyOf, type ObjectKey, type ResourceRef } from "@ladya/apimachinery"
import { done, type Informer, newController, type Result } from "@ladya/client"
import type { ControllerContext, ControllerDefinition } from "../context.ts"
import { podInformer } from "../shared/indexes.ts"
import { claimFinalizer, claimsOf, classesOfClaim, classFinalizer, planProtection, volumeFinalizer } from "./plan.ts"

interface Protection<T extends KubeObject> {
  name: string
  ref: ResourceRef<T>
  finalizer: string
  waitFor: readonly { synced(): Promise<void> }[]
  isUsed(object: T): boolean
}

/** Puts the finalizer on what lacks it, and takes it off what is to go and unused. */
function newProtection<T extends KubeObject>(context: ControllerContext, protection: Protection<T>) {
  const { client, informers, clock, log, metrics, config } = context
  const { name, ref, finalizer, isUsed, waitFor } = protection
  const objects: Informer<T> = informers.informer(ref)
  const reconcile = async (key: ObjectKey): Promise<Result> => {
    const object = objects.get(key)
    const finalizers = object && planProtection(object, finalizer, isUsed(object))
    if (!object || !finalizers) return done
    try {
      await client.resource(ref).update({ ...object, metadata: { ...object.metadata, finalizers } })
    } catch (error) {
      if (!isStatus(error, "NotFound")) throw error
    }
    return done
  }
  const controller = newController({
    name,
    reconciler: { reconcile },
    workers: config.workers,
    clock,
    log,
    metrics,
    waitFor: [objects, ...waitFor],
  })
  const enqueue = (object: T): void => controller.enqueue(keyOf(object))
  objects.addHandler({ add: enqueue, update: enqueue })
  return { controller, objects }
}

const usedClaims = "used claims"

/** Keeps claims that pods on nodes use. */
export const claimProtectionController: ControllerDefinition = {
  name: "persistentvolumeclaim-protection",
  account: "pvc-protection-controller",
  create: (context) => {
    const pods = podInformer(context.informers)
    pods.addIndexer(usedClaims, (pod) => claimsOf(pod).map((claim) => `${pod.metadata.namespace}/${claim}`))
    const { controller } = newProtection(context, {
      name: "persistentvolumeclaim-protection",
      ref: refs.persistentvolumeclaims,
      finalizer: claimFinalizer,
      waitFor: [pods],
      isUsed: ({ metadata }) => pods.byIndex(usedClaims, `${metadata.namespace}/${metadata.name}`).length > 0,
    })
    const enqueue = (pod: corev1.Pod): void => {
      for (const name of claimsOf(pod)) controller.enqueue({ namespace: pod.metadata.namespace ?? "", name })
    }
    // What comes uses more: only what goes can free a claim.
    pods.addHandler({ delete: enqueue })
    return controller
  },
}

/** Keeps volumes that are bound. */
export const volumeProtectionController: ControllerDefinition = {
  name: "persistentvolume-protection",
  account: "pv-protection-controller",
  create: (context) =>
    newProtection(context, {
      name: "persistentvolume-protection",
      ref: refs.persistentvolumes,
      finalizer: volumeFinalizer,
      waitFor: [],
      isUsed: ({ status }) => status?.phase === "Bound",
    }).controller,
}

/** Keeps attributes classes that claims or volumes name. */
export const attributesClassProtectionController: ControllerDefinition = {
  name: "volumeattributesclass-protection",
  account: "volumeattributesclass-protection-controller",
  create: (context) => {
    const claims = context.informers.informer(refs.persistentvolumeclaims)
    const volumes = context.informers.informer(refs.persistentvolumes)
    const { controller, objects } = newProtection(context, {
      name: "volumeattributesclass-protection",
      ref: refs.volumeattributesclasses,
      finalizer: classFinalizer,
      waitFor: [claims, volumes],
      isUsed: ({ metadata: { name = "" } }) =>
        claims.list().some((claim) => classesOfClaim(claim).includes(name)) ||
        volumes.list().some(({ spec }) => spec?.volumeAttributesClassName === name),
    })
    const recheck = (): void => {
      for (const one of objects.values()) if (one.metadata.deletionTimestamp) controller.enqueue(keyOf(one))
    }
    claims.addHandler({ update: recheck, delete: recheck })
    volumes.addHandler({ update: recheck, delete: recheck })
    return controller
  },
}
