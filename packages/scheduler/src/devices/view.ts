import { refs, type resourcev1 } from "@ladya/api"
import type { InformerFactory } from "@ladya/client"

/** What the scheduler knows of devices and of who asks for them. Objects are frozen. */
export interface DeviceView {
  claim(namespace: string, name: string): resourcev1.ResourceClaim | undefined
  claims(): Iterable<resourcev1.ResourceClaim>
  slices(): Iterable<resourcev1.ResourceSlice>
  deviceClass(name: string): resourcev1.DeviceClass | undefined
}

/** The view that informers keep up to date. */
export function newDeviceView(informers: InformerFactory): DeviceView & { synced(): Promise<void> } {
  const claims = informers.informer(refs.resourceclaims)
  const slices = informers.informer(refs.resourceslices)
  const classes = informers.informer(refs.deviceclasses)
  return {
    claim: (namespace, name) => claims.get({ namespace, name }),
    claims: () => claims.values(),
    slices: () => slices.values(),
    deviceClass: (name) => classes.get({ namespace: "", name }),
    synced: async () => {
      await Promise.all([claims.synced(), slices.synced(), classes.synced()])
    },
  }
}

/** The same over lists, for one look at a cluster. */
export function deviceViewOf(objects: {
  claims?: readonly resourcev1.ResourceClaim[]
  slices?: readonly resourcev1.ResourceSlice[]
  classes?: readonly resourcev1.DeviceClass[]
}): DeviceView {
  const { claims = [], slices = [], classes = [] } = objects
  return {
    claim: (namespace, name) =>
      claims.find(({ metadata }) => metadata.namespace === namespace && metadata.name === name),
    claims: () => claims,
    slices: () => slices,
    deviceClass: (name) => classes.find(({ metadata }) => metadata.name === name),
  }
}
