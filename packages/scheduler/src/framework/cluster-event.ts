import type { KubeObject } from "@ladya/apimachinery"

export type EventResource = "Pod" | "AssignedPod" | "Node" | "Namespace" | "Plugin" | WatchedResource

export type WatchedResource =
  | "ResourceClaim"
  | "ResourceSlice"
  | "DeviceClass"
  | "PersistentVolumeClaim"
  | "PersistentVolume"
  | "StorageClass"
  | "CSINode"
  | "CSIStorageCapacity"

/** What happened to an object; several may be true of one update. */
export type EventAction =
  | "Add"
  | "Delete"
  | "UpdateAllocatable"
  | "UpdateLabels"
  | "UpdateTaints"
  | "UpdateConditions"
  | "UpdateAnnotations"
  | "UpdateScaleDown"
  | "UpdateTolerations"
  | "UpdateSchedulingGates"
  | "Update"

/** Something that may make room for a pod that waits. */
export interface ClusterEvent {
  readonly resource: EventResource
  readonly actions: readonly EventAction[]
  readonly object?: KubeObject
  readonly previous?: KubeObject
}

/** Whether an event is worth trying the pod again. */
export type Hint = "queue" | "skip"
