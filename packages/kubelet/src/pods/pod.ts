import type { corev1 } from "@ladya/api"

export type Pod = corev1.Pod

/** The three lists of containers that a pod has. */
export type ContainerKind = "init" | "main" | "ephemeral"

/** Any container of a pod with the list it stands in. An ephemeral container has one field more. */
export interface PodContainer {
  kind: ContainerKind
  /** An init container that goes on running beside the main ones (restartPolicy Always). */
  sidecar: boolean
  spec: corev1.Container & { targetContainerName?: string }
}

/** `name_namespace(uid)`: how the node agent names a pod in messages. */
export function podText(pod: Pod): string {
  const { name, namespace, uid } = pod.metadata
  return `${name}_${namespace}(${uid})`
}

export function podUid(pod: Pod): string {
  return pod.metadata.uid ?? ""
}

export function isSidecar(container: corev1.Container): boolean {
  return container.restartPolicy === "Always"
}

/** Every container of the pod: init, main, ephemeral, each in the order of the spec. */
export function podContainers(pod: Pod): PodContainer[] {
  return [
    ...(pod.spec?.initContainers ?? []).map((spec): PodContainer => ({ kind: "init", sidecar: isSidecar(spec), spec })),
    ...(pod.spec?.containers ?? []).map((spec): PodContainer => ({ kind: "main", sidecar: false, spec })),
    ...(pod.spec?.ephemeralContainers ?? []).map((spec): PodContainer => ({ kind: "ephemeral", sidecar: false, spec })),
  ]
}

export function findContainer(pod: Pod, name: string): PodContainer | undefined {
  return podContainers(pod).find(({ spec }) => spec.name === name)
}

/** As event objects name a container: `spec.containers{app}`. */
export function containerFieldPath({ kind, spec }: PodContainer): string {
  const list = { init: "initContainers", main: "containers", ephemeral: "ephemeralContainers" }[kind]
  return `spec.${list}{${spec.name}}`
}

export function isHostNetwork(pod: Pod): boolean {
  return pod.spec?.hostNetwork === true
}

/** Whether the phase of the pod's status is final. */
export function isTerminalPhase(phase: string | undefined): phase is "Succeeded" | "Failed" {
  return phase === "Succeeded" || phase === "Failed"
}

/** A static pod's copy in the API: shown, never run. */
export const mirrorAnnotation = "kubernetes.io/config.mirror"

export function isMirrorPod(pod: Pod): boolean {
  return pod.metadata.annotations?.[mirrorAnnotation] !== undefined
}

const sourceAnnotation = "kubernetes.io/config.source"

/** A pod that came from a file of the node, not from the API. */
export function isStaticPod(pod: Pod): boolean {
  return pod.metadata.annotations?.[sourceAnnotation] === "file"
}
