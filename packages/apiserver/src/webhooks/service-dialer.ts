import { once } from "node:events"
import { connect as tcpConnect } from "node:net"
import type { Duplex } from "node:stream"
import type { Random } from "@ladya/util"
import { kubeletAddress, type NodeDialer } from "../streaming/dialer.ts"
import type { StreamingLookup } from "../streaming/lookup.ts"
import { resolveServiceEndpoint } from "./service-endpoint.ts"

export interface ServiceDialerDeps {
  lookup: StreamingLookup
  random: Random
  /** Undefined where kubelets cannot be spoken to: then pods are dialled from here. */
  dialer: () => NodeDialer | undefined
}

/** Opens a connection to a ready endpoint of a Service. */
export type ServiceDialer = (target: { namespace: string; name: string; port: number }) => Promise<Duplex>

/** A plain TCP connection from this machine. */
export async function dialDirectly(host: string, port: number): Promise<Duplex> {
  const socket = tcpConnect({ host, port, noDelay: true })
  try {
    await once(socket, "connect")
  } catch (error) {
    socket.destroy()
    throw error
  }
  return socket
}

/** Dials endpoints through the kubelets of their nodes: the API server is not on the pod network. */
export function newServiceDialer(deps: ServiceDialerDeps): ServiceDialer {
  const { lookup, random } = deps
  return async (target) => {
    const endpoint = await resolveServiceEndpoint(lookup, random, target)
    const dialer = deps.dialer()
    if (!endpoint.nodeName || !dialer) return dialDirectly(endpoint.address, endpoint.port)
    const node = await lookup.node(endpoint.nodeName)
    return dialer.dial(kubeletAddress(node), endpoint.address, endpoint.port)
  }
}
