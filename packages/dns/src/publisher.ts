import { type discoveryv1, refs, serviceNameLabel } from "@ladya/api"
import { isStatus } from "@ladya/apimachinery"
import type { Client } from "@ladya/client"
import { type Clock, type Logger, SyncLoop } from "@ladya/util"

export interface SlicePublisherDeps {
  client: Client
  clock: Clock
  log: Logger
  config: { nodeName: string; nodeAddress: string; port: number }
}

/** Keeps this node's EndpointSlice of the `kube-dns` Service. */
export interface SlicePublisher {
  start(): void
  /** Takes the slice away again. */
  stop(signal: AbortSignal): Promise<void>
}

const namespace = "kube-system"
const serviceName = "kube-dns"

export function newSlicePublisher(deps: SlicePublisherDeps): SlicePublisher {
  const { client, clock, log, config } = deps
  const slices = client.resource(refs.endpointslices)
  const name = `${serviceName}-${config.nodeName}`

  const wanted = (owner: { name: string; uid: string }): discoveryv1.EndpointSlice => ({
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      name,
      namespace,
      labels: {
        [serviceNameLabel]: serviceName,
        "endpointslice.kubernetes.io/managed-by": "ladya-dns",
      },
      // The slice goes when its Node goes.
      ownerReferences: [{ apiVersion: "v1", kind: "Node", ...owner }],
    },
    addressType: config.nodeAddress.includes(":") ? "IPv6" : "IPv4",
    ports: [
      { name: "dns", port: config.port, protocol: "UDP" },
      { name: "dns-tcp", port: config.port, protocol: "TCP" },
    ],
    endpoints: [
      {
        addresses: [config.nodeAddress],
        nodeName: config.nodeName,
        conditions: { ready: true, serving: true, terminating: false },
      },
    ],
  })

  const loop = new SyncLoop({
    name: "kube-dns slice",
    clock,
    log,
    resyncMs: 300_000,
    sync: async () => {
      const node = await client.resource(refs.nodes).get(config.nodeName)
      const object = wanted({ name: config.nodeName, uid: node.metadata.uid ?? "" })
      let current: discoveryv1.EndpointSlice
      try {
        current = await slices.get(name, { namespace })
      } catch (error) {
        if (!isStatus(error, "NotFound")) throw error
        await slices.create(object)
        return
      }
      if (same(current, object)) return
      await slices.update({
        ...object,
        metadata: { ...object.metadata, resourceVersion: current.metadata.resourceVersion ?? "" },
      })
    },
  })
  return {
    start: () => {
      loop.trigger()
      loop.start()
    },
    stop: async (signal) => {
      await loop.stop()
      if (signal.aborted) return
      await slices.delete(name, { namespace }).catch((error: unknown) => {
        log.debug("slice not taken away", { error: String(error) })
      })
    },
  }
}

/** Whether the slice stands as it should; fields that the API adds do not count. */
function same(current: discoveryv1.EndpointSlice, wanted: discoveryv1.EndpointSlice): boolean {
  const essence = (slice: discoveryv1.EndpointSlice): string =>
    JSON.stringify([
      slice.endpoints?.map((endpoint) => [endpoint.addresses, endpoint.nodeName, endpoint.conditions?.ready]),
      slice.ports?.map((port) => [port.name, port.port, port.protocol]),
      slice.metadata.ownerReferences?.map((owner) => owner.uid),
      slice.metadata.labels?.[serviceNameLabel],
    ])
  return essence(current) === essence(wanted)
}
