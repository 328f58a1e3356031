import { type corev1, matchesNodeSelector, type resourcev1 } from "@ladya/api"

/** One device, with where it comes from. */
export interface KnownDevice {
  /** `driver/pool/device`: unique in the cluster. */
  readonly id: string
  readonly driver: string
  readonly pool: string
  readonly device: resourcev1.Device
  readonly slice: resourcev1.ResourceSlice
}

/** The devices of a node, and whether some pool of it is told of only in part. */
export interface NodeDevices {
  readonly devices: readonly KnownDevice[]
  readonly isIncomplete: boolean
}

const poolKey = ({ spec }: resourcev1.ResourceSlice): string => `${spec.driver}/${spec.pool.name}`

/** The slices of each pool. */
export type Pools = readonly (readonly resourcev1.ResourceSlice[])[]

/** Only the newest generation of a pool counts: older slices are about to go. */
export function newestPools(slices: Iterable<resourcev1.ResourceSlice>): Pools {
  const pools = new Map<string, resourcev1.ResourceSlice[]>()
  for (const slice of slices) {
    const key = poolKey(slice)
    const known = pools.get(key)
    const generation = known?.[0]?.spec.pool.generation ?? -1
    if (!known || slice.spec.pool.generation > generation) pools.set(key, [slice])
    else if (slice.spec.pool.generation === generation) known.push(slice)
  }
  return [...pools.values()]
}

/** Whether a slice, or one device of it, can be reached from a node. */
function isReachable(
  place: Pick<resourcev1.ResourceSliceSpec, "nodeName" | "nodeSelector" | "allNodes">,
  node: corev1.Node,
): boolean {
  if (place.allNodes) return true
  if (place.nodeName) return place.nodeName === node.metadata.name
  return place.nodeSelector ? matchesNodeSelector(place.nodeSelector, node) : false
}

/** What pods on the node can use, in the order of their names. */
export function devicesOf(node: corev1.Node, pools: Pools): NodeDevices {
  const devices: KnownDevice[] = []
  let isIncomplete = false
  for (const pool of pools) {
    const found = pool.flatMap((slice) => devicesIn(slice, node))
    if (found.length === 0) continue
    if (pool.length === pool[0]?.spec.pool.resourceSliceCount) devices.push(...found)
    else isIncomplete = true
  }
  return { devices: devices.toSorted((a, b) => (a.id < b.id ? -1 : 1)), isIncomplete }
}

function devicesIn(slice: resourcev1.ResourceSlice, node: corev1.Node): KnownDevice[] {
  const { spec } = slice
  if (!spec.perDeviceNodeSelection && !isReachable(spec, node)) return []
  return (spec.devices ?? [])
    .filter((device) => !spec.perDeviceNodeSelection || isReachable(device, node))
    .map((device) => ({
      id: `${spec.driver}/${spec.pool.name}/${device.name}`,
      driver: spec.driver,
      pool: spec.pool.name,
      device,
      slice,
    }))
}
