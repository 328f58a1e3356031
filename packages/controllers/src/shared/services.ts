import { type corev1, isPodReady, isPodTerminal } from "@ladya/api"
import { keyOf, keyText, selectorFromMap, semanticEqual } from "@ladya/apimachinery"
import type { Informer } from "@ladya/client"

type Pod = corev1.Pod
type Service = corev1.Service

/** Whether the endpoints of a Service are found by its selector. */
export function hasSelector(service: Service): boolean {
  const { selector, type } = service.spec ?? {}
  return selector !== undefined && Object.keys(selector).length > 0 && type !== "ExternalName"
}

export function isHeadless(service: Service): boolean {
  return service.spec?.clusterIP === "None"
}

export function selects(service: Service, pod: Pod): boolean {
  return hasSelector(service) && selectorFromMap(service.spec?.selector).matches(pod.metadata.labels)
}

/** The number that a Service's port has in this pod; undefined when the pod has no port of that name. */
export function targetPortOf(pod: Pod, port: corev1.ServicePort): number | undefined {
  const target = port.targetPort ?? port.port
  if (typeof target === "number") return target === 0 ? port.port : target
  const containers = [
    ...(pod.spec?.containers ?? []),
    ...(pod.spec?.initContainers ?? []).filter((container) => container.restartPolicy === "Always"),
  ]
  for (const container of containers) {
    for (const candidate of container.ports ?? []) {
      if (candidate.name === target && (candidate.protocol ?? "TCP") === (port.protocol ?? "TCP")) {
        return candidate.containerPort
      }
    }
  }
  return undefined
}

/** Whether a pod may be an endpoint at all: it has an address and has not ended. */
export function canServe(pod: Pod): boolean {
  return !isPodTerminal(pod) && Boolean(pod.status?.podIP)
}

/** The name under which a headless Service shows the pod in DNS. */
export function hostnameIn(pod: Pod, service: Service): string | undefined {
  const { hostname, subdomain } = pod.spec ?? {}
  return hostname && subdomain === service.metadata.name ? hostname : undefined
}

/** Whether a change of a pod can matter to an endpoint. */
function hasChanged(pod: Pod, previous: Pod): boolean {
  const facts = (one: Pod): unknown => [
    one.metadata.deletionTimestamp !== undefined,
    isPodReady(one),
    isPodTerminal(one),
    one.status?.podIP,
    one.status?.podIPs,
    one.spec?.nodeName,
    one.spec?.hostname,
    one.spec?.subdomain,
  ]
  return !semanticEqual(facts(pod), facts(previous))
}

/** Enqueues Services when they, or pods that they select, change. */
export function enqueueServices(options: {
  services: Informer<Service>
  pods: Informer<Pod>
  enqueue(key: string): void
  /** When a pod has changed. */
  enqueueForPod(key: string): void
}): void {
  const { services, pods, enqueue, enqueueForPod } = options
  const enqueueService = (service: Service): void => enqueue(keyText(keyOf(service)))
  services.addHandler({ add: enqueueService, update: enqueueService, delete: enqueueService })
  const enqueueSelecting = (...seen: Pod[]): void => {
    for (const service of services.inNamespace(seen[0]?.metadata.namespace ?? "")) {
      if (seen.some((pod) => selects(service, pod))) enqueueForPod(keyText(keyOf(service)))
    }
  }
  pods.addHandler({
    add: (pod) => {
      if (canServe(pod)) enqueueSelecting(pod)
    },
    update: (pod, previous) => {
      const isOther = pod.metadata.labels !== previous.metadata.labels
      if (isOther && !semanticEqual(pod.metadata.labels, previous.metadata.labels)) enqueueSelecting(pod, previous)
      else if (hasChanged(pod, previous)) enqueueSelecting(pod)
    },
    delete: (pod) => enqueueSelecting(pod),
  })
}
