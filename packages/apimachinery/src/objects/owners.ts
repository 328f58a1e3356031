import type { ObjectMeta, OwnerReference } from "../generated/metav1.ts"
import type { KubeObject } from "../resource.ts"

/** The reference to the controller of an object. */
export function controllerOf(object: { metadata: ObjectMeta }): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find((reference) => reference.controller === true)
}

/** Whether the object with this uid controls the other. */
export function isControlledBy(object: { metadata: ObjectMeta }, ownerUid: string | undefined): boolean {
  return ownerUid !== undefined && controllerOf(object)?.uid === ownerUid
}

/** A reference to an owner that does not control. */
export function newOwnerRef(owner: KubeObject): OwnerReference {
  return {
    apiVersion: owner.apiVersion,
    kind: owner.kind,
    name: owner.metadata.name ?? "",
    uid: owner.metadata.uid ?? "",
  }
}

/** A reference to the controller of a new object; its deletion waits for the object. */
export function newControllerRef(owner: KubeObject): OwnerReference {
  return { ...newOwnerRef(owner), controller: true, blockOwnerDeletion: true }
}
