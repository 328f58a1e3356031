import { compact, type corev1, isPodReady } from "@ladya/api"
import { canServe, hostnameIn, isHeadless, targetPortOf } from "../shared/services.ts"

type Subset = corev1.EndpointSubset

const headlessLabel = "service.kubernetes.io/headless"
const managedByLabel = "endpoints.kubernetes.io/managed-by"
const overCapacityKey = "endpoints.kubernetes.io/over-capacity"
/** The old API keeps no more addresses than this in one object. */
const maxAddresses = 1000

/** The Endpoints object that belongs to a Service with a selector. */
export function endpointsOf(
  service: corev1.Service,
  pods: readonly corev1.Pod[],
  current: corev1.Endpoints | undefined,
): corev1.Endpoints {
  const { subsets, isTruncated } = subsetsOf(service, pods)
  const labels: Record<string, string> = { ...service.metadata.labels, [managedByLabel]: "endpoint-controller" }
  if (isHeadless(service)) labels[headlessLabel] = ""
  else delete labels[headlessLabel]
  const annotations = { ...current?.metadata.annotations }
  if (isTruncated) annotations[overCapacityKey] = "truncated"
  else delete annotations[overCapacityKey]
  const { namespace = "", name = "" } = service.metadata
  return {
    apiVersion: "v1",
    kind: "Endpoints",
    metadata: {
      ...(current?.metadata ?? { namespace, name }),
      labels,
      ...(Object.keys(annotations).length > 0 || current?.metadata.annotations ? { annotations } : {}),
    },
    ...(subsets.length > 0 ? { subsets } : {}),
  }
}

function subsetsOf(service: corev1.Service, pods: readonly corev1.Pod[]): { subsets: Subset[]; isTruncated: boolean } {
  const publishAll = service.spec?.publishNotReadyAddresses === true
  const groups = new Map<
    string,
    { ports: corev1.EndpointPort[]; ready: corev1.EndpointAddress[]; rest: corev1.EndpointAddress[] }
  >()
  // Ready ones first, so that they are what is kept when there are too many.
  const candidates = pods
    .filter((pod) => canServe(pod) && (publishAll || !pod.metadata.deletionTimestamp))
    .sort((a, b) => Number(isPodReady(b)) - Number(isPodReady(a)))
  for (const pod of candidates.slice(0, maxAddresses)) {
    const ports = portsOf(service, pod)
    // A Service with ports none of which the pod has cannot be reached there.
    if (ports.length === 0 && !(isHeadless(service) && (service.spec?.ports ?? []).length === 0)) continue
    const key = JSON.stringify(ports)
    const group = groups.get(key) ?? { ports, ready: [], rest: [] }
    groups.set(key, group)
    const list = publishAll || isPodReady(pod) ? group.ready : group.rest
    list.push(addressOf(service, pod))
  }
  const subsets = [...groups]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, { ports, ready, rest }]) =>
      compact({
        addresses: ready.length > 0 ? ready.sort(byIp) : undefined,
        notReadyAddresses: rest.length > 0 ? rest.sort(byIp) : undefined,
        ports: ports.length > 0 ? ports : undefined,
      }),
    )
  return { subsets, isTruncated: candidates.length > maxAddresses }
}

function byIp(a: corev1.EndpointAddress, b: corev1.EndpointAddress): number {
  return a.ip < b.ip ? -1 : a.ip > b.ip ? 1 : (a.targetRef?.uid ?? "") < (b.targetRef?.uid ?? "") ? -1 : 1
}

function portsOf(service: corev1.Service, pod: corev1.Pod): corev1.EndpointPort[] {
  const ports: corev1.EndpointPort[] = []
  for (const port of service.spec?.ports ?? []) {
    const number = targetPortOf(pod, port)
    if (number === undefined) continue
    ports.push(
      compact({
        name: port.name || undefined,
        port: number,
        protocol: port.protocol ?? "TCP",
        appProtocol: port.appProtocol,
      }),
    )
  }
  return ports.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
}

function addressOf(service: corev1.Service, pod: corev1.Pod): corev1.EndpointAddress {
  const { name = "", namespace = "", uid = "" } = pod.metadata
  return compact({
    ip: pod.status?.podIP ?? "",
    hostname: hostnameIn(pod, service),
    nodeName: pod.spec?.nodeName || undefined,
    targetRef: { kind: "Pod", namespace, name, uid },
  })
}
