import type { corev1 } from "@ladya/api"

const envName = (text: string): string => text.toUpperCase().replaceAll("-", "_")

function isAddressed(service: corev1.Service): boolean {
  const ip = service.spec?.clusterIP
  return ip !== undefined && ip !== "" && ip !== "None"
}

const hostPort = (ip: string, port: number): string => (ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`)

function linkVariables(prefix: string, ip: string, ports: readonly corev1.ServicePort[]): Record<string, string> {
  const result: Record<string, string> = {}
  for (const [index, port] of ports.entries()) {
    const protocol = port.protocol ?? "TCP"
    const url = `${protocol.toLowerCase()}://${hostPort(ip, port.port)}`
    if (index === 0) result[`${prefix}_PORT`] = url
    const portPrefix = `${prefix}_PORT_${port.port}_${protocol.toUpperCase()}`
    result[portPrefix] = url
    result[`${portPrefix}_PROTO`] = protocol.toLowerCase()
    result[`${portPrefix}_PORT`] = String(port.port)
    result[`${portPrefix}_ADDR`] = ip
  }
  return result
}

/** The variables that tell of one Service, as `REDIS_SERVICE_HOST` and the link-style `REDIS_PORT_6379_TCP_ADDR`. */
function serviceVariables(service: corev1.Service): Record<string, string> {
  const prefix = envName(service.metadata.name ?? "")
  const ip = service.spec?.clusterIP ?? ""
  const ports = service.spec?.ports ?? []
  const result: Record<string, string> = { [`${prefix}_SERVICE_HOST`]: ip }
  for (const [index, port] of ports.entries()) {
    if (index === 0) result[`${prefix}_SERVICE_PORT`] = String(port.port)
    if (port.name) result[`${prefix}_SERVICE_PORT_${envName(port.name)}`] = String(port.port)
  }
  return { ...result, ...linkVariables(prefix, ip, ports) }
}

/**
 * The variables of the Services that a container of a namespace is told of: those of its namespace when links are
 * enabled, and always `kubernetes` of the namespace `default`.
 */
export function serviceEnvironment(
  services: Iterable<corev1.Service>,
  options: { namespace: string; enableServiceLinks: boolean },
): Record<string, string> {
  const chosen = new Map<string, corev1.Service>()
  for (const service of services) {
    if (!isAddressed(service)) continue
    const { name = "", namespace = "" } = service.metadata
    const own = namespace === options.namespace && options.enableServiceLinks
    const master = namespace === "default" && name === "kubernetes"
    // A Service of the pod's own namespace wins over the master of the same name.
    if (own || (master && !chosen.has(name))) chosen.set(name, service)
  }
  return Object.assign({}, ...[...chosen.values()].map(serviceVariables))
}
