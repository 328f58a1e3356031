import type { appsv1, batchv1, corev1, policyv1 } from "@ladya/api"
import type { Informer } from "@ladya/client"
import type { Clock } from "@ladya/util"

export type Pod = corev1.Pod

/** The cluster as the API shows it at one moment. */
export interface World {
  readonly clock: Clock
  readonly pods: Informer<Pod>
  readonly nodes: Informer<corev1.Node>
  readonly deployments: Informer<appsv1.Deployment>
  readonly replicaSets: Informer<appsv1.ReplicaSet>
  readonly statefulSets: Informer<appsv1.StatefulSet>
  readonly jobs: Informer<batchv1.Job>
  readonly budgets: Informer<policyv1.PodDisruptionBudget>
  readonly quotas: Informer<corev1.ResourceQuota>
}

export type PodChange =
  | { readonly type: "add"; readonly pod: Pod }
  | { readonly type: "update"; readonly pod: Pod; readonly previous: Pod }
  | { readonly type: "delete"; readonly pod: Pod }

/** Something that must hold at every step. */
export interface Invariant {
  readonly name: string
  /** How often it was looked at: an invariant that was never tried has not been shown. */
  readonly checks: number
  /** What is wrong after this change; undefined when nothing is. */
  onPod?(change: PodChange, world: World): string | undefined
  /** What machines really run, whatever the API says. */
  onStart?(key: string, uid: string, node: string): string | undefined
  onStop?(key: string, uid: string): void
  /** Asked once, when all is to have come to rest. */
  atEnd?(world: World): string[]
}

export const podText = ({ metadata }: Pod): string => `${metadata.namespace}/${metadata.name}`

/** True in the change that tells a pod to end. */
export function isToldToEnd(change: PodChange): boolean {
  return (
    change.type === "update" &&
    change.pod.metadata.deletionTimestamp !== undefined &&
    change.previous.metadata.deletionTimestamp === undefined
  )
}

export const isEnding = (pod: Pod): boolean => pod.metadata.deletionTimestamp !== undefined
