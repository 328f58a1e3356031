import type { corev1 } from "@ladya/api"
import { semanticEqual } from "@ladya/apimachinery"
import type { Image, RuntimeVersion } from "@ladya/cri"
import { planResources, type Reserved } from "./capacity.ts"
import { type ConditionFacts, planConditions } from "./conditions.ts"
import type { MachineFacts } from "./facts.ts"

/** The version of the Kubernetes API that this kubelet speaks. */
export const kubeletVersion = "v1.36.0"

/** At most so many images are named in the status, the largest. */
const maxImages = 50
/** At most so many names of one image. */
const maxImageNames = 5

export interface NodeStatusConfig {
  hostname: string
  /** The main address first. */
  internalIps: readonly string[]
  kubeletPort: number
  maxPods: number
  reserved: Reserved
}

export interface NodeStatusFacts extends ConditionFacts {
  machine: MachineFacts
  runtimeVersion: RuntimeVersion | undefined
  images: readonly Image[]
}

function planImages(images: readonly Image[]): corev1.ContainerImage[] {
  return [...images]
    .sort((a, b) => b.sizeBytes - a.sizeBytes || (a.id < b.id ? -1 : 1))
    .slice(0, maxImages)
    .map((image) => ({
      names: [...image.repoDigests, ...image.repoTags].slice(0, maxImageNames),
      sizeBytes: image.sizeBytes,
    }))
    .filter((image) => image.names.length > 0)
}

function planNodeInfo(facts: NodeStatusFacts): corev1.NodeSystemInfo {
  const { machine, runtimeVersion } = facts
  return {
    machineID: machine.machineId,
    systemUUID: machine.systemUuid,
    bootID: machine.bootId,
    kernelVersion: machine.kernelVersion,
    osImage: machine.osImage,
    containerRuntimeVersion: runtimeVersion
      ? `${runtimeVersion.runtimeName}://${runtimeVersion.runtimeVersion.replace(/^v/, "")}`
      : "",
    kubeletVersion,
    kubeProxyVersion: "",
    operatingSystem: "linux",
    architecture: machine.architecture,
    ...(machine.swapBytes > 0 ? { swap: { capacity: machine.swapBytes } } : {}),
  }
}

/** The Node's status as it should be; fields of other owners (attached volumes …) stay. `time` as the API writes it. */
export function planNodeStatus(
  previous: corev1.NodeStatus | undefined,
  facts: NodeStatusFacts,
  config: NodeStatusConfig,
  time: string,
): corev1.NodeStatus {
  const { capacity, allocatable } = planResources(facts.machine, config)
  return {
    ...previous,
    addresses: [
      ...config.internalIps.map((address) => ({ type: "InternalIP", address })),
      { type: "Hostname", address: config.hostname },
    ],
    // Extended resources are someone else's: they stay, and pods may have all of them.
    capacity: { ...previous?.capacity, ...capacity },
    allocatable: { ...previous?.capacity, ...allocatable },
    conditions: planConditions(previous?.conditions ?? [], facts, time),
    daemonEndpoints: { kubeletEndpoint: { Port: config.kubeletPort } },
    nodeInfo: planNodeInfo(facts),
    images: planImages(facts.images),
  }
}

/** What is to be written for `next` to stand there; of capacity only the machine's own, for others write theirs. */
export function planStatusPatch(
  previous: corev1.NodeStatus | undefined,
  next: corev1.NodeStatus,
  own: ReadonlySet<string>,
): object {
  const { conditions, images, addresses, daemonEndpoints, nodeInfo } = next
  const capacity = Object.fromEntries(Object.entries(next.capacity ?? {}).filter(([name]) => own.has(name)))
  const gone = Object.keys(previous?.allocatable ?? {}).map((name) => [name, null])
  const allocatable = { ...Object.fromEntries(gone), ...next.allocatable }
  return { status: { conditions, images, addresses, capacity, allocatable, daemonEndpoints, nodeInfo } }
}

/** Whether anything but heartbeat times differs. */
export function hasStatusChanged(previous: corev1.NodeStatus | undefined, next: corev1.NodeStatus): boolean {
  const still = (status: corev1.NodeStatus | undefined) => ({
    ...status,
    conditions: status?.conditions?.map(({ lastHeartbeatTime: _, ...rest }) => rest),
  })
  return !semanticEqual(still(previous), still(next))
}
