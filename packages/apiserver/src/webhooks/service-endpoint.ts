import type { corev1 } from "@ladya/api"
import { isStatus, newStatusError } from "@ladya/apimachinery"
import type { Random } from "@ladya/util"
import type { StreamingLookup } from "../streaming/lookup.ts"

/** A backend of a Service: an address, and the node it is reached through. */
export interface ServiceEndpoint {
  address: string
  port: number
  /** Undefined for endpoints that somebody wrote by hand: they are dialled from here. */
  nodeName: string | undefined
}

function findPort(service: corev1.Service, port: number): corev1.ServicePort | undefined {
  return (service.spec?.ports ?? []).find((entry) => entry.port === port)
}

/**
 * One of the ready endpoints behind a port of a Service. Throws a 503 Status, worded as upstream's resolver does, when
 * there is none.
 */
export async function resolveServiceEndpoint(
  lookup: Pick<StreamingLookup, "service" | "endpointSlices">,
  random: Random,
  target: { namespace: string; name: string; port: number },
): Promise<ServiceEndpoint> {
  const { namespace, name, port } = target
  const service = await lookup.service(namespace, name).catch((error: unknown) => {
    if (isStatus(error, "NotFound"))
      throw newStatusError("ServiceUnavailable", `service ${JSON.stringify(name)} not found`)
    throw error
  })
  // An external name need not list its ports.
  if (service.spec?.type === "ExternalName") {
    return { address: service.spec.externalName ?? "", port, nodeName: undefined }
  }
  const servicePort = findPort(service, port)
  if (!servicePort) {
    throw newStatusError("ServiceUnavailable", `no service port ${port} found for service ${JSON.stringify(name)}`)
  }
  const found: ServiceEndpoint[] = []
  for (const slice of await lookup.endpointSlices(namespace, name)) {
    const slicePort = slice.ports?.find((entry) => (entry.name ?? "") === (servicePort.name ?? ""))?.port
    if (!slicePort) continue
    for (const { conditions, addresses, nodeName } of slice.endpoints ?? []) {
      const [address] = addresses
      if (conditions?.ready !== false && address) found.push({ address, port: slicePort, nodeName })
    }
  }
  const chosen = found[Math.floor(random() * found.length)]
  if (!chosen) {
    throw newStatusError("ServiceUnavailable", `no endpoints available for service ${JSON.stringify(name)}`)
  }
  return chosen
}
