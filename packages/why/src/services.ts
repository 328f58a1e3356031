import { type corev1, isPodActive, isPodReady, refs, serviceNameLabel } from "@ladya/api"
import { below, type Cause, type Finding, healthy, here, waiting } from "./finding.ts"
import { explainPod } from "./pods/pod.ts"
import { subjectOf, type View } from "./view.ts"

type Service = corev1.Service

const selectorText = (selector: Readonly<Record<string, string>>): string =>
  Object.entries(selector)
    .map(([key, value]) => `${key}=${value}`)
    .join(",")

/** The pods that miss the selector by the fewest labels, and by which. */
function nearMiss(selector: Readonly<Record<string, string>>, pods: readonly corev1.Pod[]): string | undefined {
  let best: { pod: corev1.Pod; missing: string[] } | undefined
  for (const pod of pods) {
    const missing = Object.entries(selector)
      .filter(([key, value]) => pod.metadata.labels?.[key] !== value)
      .map(([key, value]) => {
        const has = pod.metadata.labels?.[key]
        return has === undefined ? `has no label ${key}` : `has ${key}=${has}, not ${value}`
      })
    const related =
      missing.length < Object.keys(selector).length ||
      missing.some((text) => text.startsWith("has ") && !text.startsWith("has no"))
    if (related && (!best || missing.length < best.missing.length)) best = { pod, missing }
  }
  return best ? `pod ${best.pod.metadata.name} comes closest: it ${best.missing.join(" and ")}` : undefined
}

function noPodsCause(service: Service, pods: readonly corev1.Pod[]): Cause {
  const selector = service.spec?.selector ?? {}
  const near = nearMiss(selector, pods)
  return {
    state: "stuck",
    cause: `no pod in the namespace has the labels ${selectorText(selector)} that it selects`,
    fix: [...(near ? [near] : []), "make the Service's selector and the labels of the pod template the same"],
  }
}

/** Ports by name that no container has. */
function portCause(service: Service, pods: readonly corev1.Pod[]): Cause | undefined {
  for (const { targetPort, name, port } of service.spec?.ports ?? []) {
    if (typeof targetPort !== "string") continue
    const known = pods.some((pod) =>
      (pod.spec?.containers ?? []).some(({ ports }) => ports?.some((own) => own.name === targetPort)),
    )
    if (known) continue
    const names = [
      ...new Set(
        pods
          .flatMap(({ spec }) => spec?.containers ?? [])
          .flatMap(({ ports }) => ports ?? [])
          .map((own) => own.name),
      ),
    ]
    return {
      state: "stuck",
      cause: `its port ${name ?? port} goes to the container port named ${targetPort}, and no selected pod has one of that name`,
      fix: [
        names.length > 0
          ? `the pods' ports are named: ${names.join(", ")}`
          : "name the container's port, or give its number as targetPort",
      ],
    }
  }
  return undefined
}

async function backendsFinding(view: View, service: Service): Promise<Finding> {
  const subject = subjectOf("Service", service)
  const namespace = service.metadata.namespace ?? ""
  const selector = selectorText(service.spec?.selector ?? {})
  const selected = (await view.list(refs.pods, namespace, selector)).filter(isPodActive)
  if (selected.length === 0) {
    return here(subject, "no pods", noPodsCause(service, (await view.list(refs.pods, namespace)).filter(isPodActive)))
  }
  const ports = portCause(service, selected)
  if (ports) return here(subject, `${selected.length} pods`, ports)
  const ready = selected.filter(isPodReady)
  const unready = selected.find((pod) => !isPodReady(pod))
  if (ready.length === 0 && unready)
    return below(subject, `0 of ${selected.length} pods ready`, await explainPod(view, unready))
  const slices = await view.list(refs.endpointslices, namespace, `${serviceNameLabel}=${service.metadata.name}`)
  const addresses = slices
    .flatMap(({ endpoints }) => endpoints ?? [])
    .filter(({ conditions }) => conditions?.ready !== false)
  if (addresses.length === 0) {
    return here(
      subject,
      `${ready.length} pods ready`,
      waiting(
        "its pods are ready, but no EndpointSlice says so yet",
        "look again in a moment; when it stays so, look at the server's log",
      ),
    )
  }
  const { type, externalTrafficPolicy, clusterIP } = service.spec ?? {}
  if (type === "LoadBalancer" && !service.status?.loadBalancer?.ingress?.length) {
    return here(
      subject,
      `${addresses.length} endpoints`,
      waiting(
        "it can be reached inside the cluster, but no load balancer has given it an outer address",
        "start a controller for LoadBalancer Services, or use its node port",
      ),
    )
  }
  const local =
    externalTrafficPolicy === "Local"
      ? "; from outside only through the nodes that run its pods (externalTrafficPolicy: Local)"
      : ""
  return here(
    subject,
    `${addresses.length} endpoints`,
    healthy(`${addresses.length} ready endpoints answer for ${clusterIP ?? ""}${local}`),
  )
}

export async function explainService(view: View, service: Service): Promise<Finding> {
  const subject = subjectOf("Service", service)
  const { type, externalName, selector } = service.spec ?? {}
  if (type === "ExternalName") {
    return here(
      subject,
      `stands for ${externalName}`,
      healthy(`it is only a DNS name for ${externalName}, which lies outside the cluster`),
    )
  }
  if (!selector || Object.keys(selector).length === 0) {
    const label = `${serviceNameLabel}=${service.metadata.name}`
    const slices = await view.list(refs.endpointslices, service.metadata.namespace, label)
    const count = slices.flatMap(({ endpoints }) => endpoints ?? []).length
    if (count > 0)
      return here(
        subject,
        `${count} endpoints, made by hand`,
        healthy(`${count} endpoints that somebody else keeps answer for it`),
      )
    return here(subject, "no endpoints", {
      state: "stuck",
      cause: "it has no selector, and nobody has made an EndpointSlice for it",
      fix: ["give it a selector", `or make an EndpointSlice with the label ${label}`],
    })
  }
  return backendsFinding(view, service)
}
