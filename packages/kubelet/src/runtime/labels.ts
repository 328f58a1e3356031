import { createHash } from "node:crypto"
import type { corev1 } from "@ladya/api"
import type { StringMap } from "@ladya/cri"
import type { Pod } from "../pods/pod.ts"

/** Labels and annotations by which sandboxes and containers are found again; named as upstream names them. */
export const labels = {
  podName: "io.kubernetes.pod.name",
  podNamespace: "io.kubernetes.pod.namespace",
  podUid: "io.kubernetes.pod.uid",
  containerName: "io.kubernetes.container.name",
} as const

export const annotations = {
  hash: "io.kubernetes.container.hash",
  restartCount: "io.kubernetes.container.restartCount",
  terminationMessagePath: "io.kubernetes.container.terminationMessagePath",
  terminationMessagePolicy: "io.kubernetes.container.terminationMessagePolicy",
  preStop: "io.kubernetes.container.preStopHandler",
  ports: "io.kubernetes.container.ports",
  podGracePeriod: "io.kubernetes.pod.terminationGracePeriod",
  /** Requests and limits that the container was made with. */
  resources: "ladya.dev/container.resources",
} as const

/** Changes when the container must be replaced by a new one: when its image does. */
export function containerHash(container: corev1.Container): string {
  const text = JSON.stringify({ image: container.image ?? "", name: container.name })
  return createHash("sha256").update(text).digest("hex").slice(0, 8)
}

export function sandboxLabels(pod: Pod): StringMap {
  return {
    ...pod.metadata.labels,
    [labels.podName]: pod.metadata.name ?? "",
    [labels.podNamespace]: pod.metadata.namespace ?? "",
    [labels.podUid]: pod.metadata.uid ?? "",
  }
}

export function containerLabels(pod: Pod, container: corev1.Container): StringMap {
  return {
    [labels.podName]: pod.metadata.name ?? "",
    [labels.podNamespace]: pod.metadata.namespace ?? "",
    [labels.podUid]: pod.metadata.uid ?? "",
    [labels.containerName]: container.name,
  }
}

/** Everything that is needed to stop the container, and to tell how it ended, when the pod's object is gone. */
export function containerAnnotations(pod: Pod, container: corev1.Container, restartCount: number): StringMap {
  const grace = pod.spec?.terminationGracePeriodSeconds
  const preStop = container.lifecycle?.preStop
  const { limits, requests } = container.resources ?? {}
  return {
    [annotations.hash]: containerHash(container),
    [annotations.restartCount]: String(restartCount),
    [annotations.terminationMessagePath]: container.terminationMessagePath ?? "",
    [annotations.terminationMessagePolicy]: container.terminationMessagePolicy ?? "",
    [annotations.resources]: JSON.stringify({ limits, requests }),
    ...(grace !== undefined ? { [annotations.podGracePeriod]: String(grace) } : {}),
    ...(preStop ? { [annotations.preStop]: JSON.stringify(preStop) } : {}),
    ...(container.ports?.length ? { [annotations.ports]: JSON.stringify(container.ports) } : {}),
  }
}
