import type * as corev1 from "../../../generated/types/corev1.ts"

/** Three hours, in seconds. */
const defaultAffinitySeconds = 10800

/** Whether traffic from outside the cluster may reach the Service. */
export function isExternallyAccessible(spec: corev1.ServiceSpec): boolean {
  return (
    spec.type === "LoadBalancer" ||
    spec.type === "NodePort" ||
    (spec.type === "ClusterIP" && (spec.externalIPs?.length ?? 0) > 0)
  )
}

export function defaultService(service: corev1.Service): void {
  service.spec ??= {}
  const { spec } = service
  spec.sessionAffinity ||= "None"
  if (spec.sessionAffinity === "None") delete spec.sessionAffinityConfig
  if (spec.sessionAffinity === "ClientIP" && spec.sessionAffinityConfig?.clientIP?.timeoutSeconds === undefined) {
    spec.sessionAffinityConfig = { clientIP: { timeoutSeconds: defaultAffinitySeconds } }
  }
  spec.type ||= "ClusterIP"
  for (const port of spec.ports ?? []) {
    port.protocol ||= "TCP"
    if (!port.targetPort) port.targetPort = port.port
  }
  if (isExternallyAccessible(spec)) spec.externalTrafficPolicy ||= "Cluster"
  if (["ClusterIP", "NodePort", "LoadBalancer"].includes(spec.type)) spec.internalTrafficPolicy ??= "Cluster"
  if (spec.type === "LoadBalancer") {
    spec.allocateLoadBalancerNodePorts ??= true
    for (const ingress of service.status?.loadBalancer?.ingress ?? []) if (ingress.ip) ingress.ipMode ??= "VIP"
  }
  service.status ??= {}
  service.status.loadBalancer ??= {}
}
