import { type corev1, refs, type storagev1 } from "@ladya/api"
import type { KubeObject, ResourceRef } from "@ladya/apimachinery"
import type { InformerFactory } from "@ladya/client"

/** What plugins know of claims, volumes and where volumes can be made. Objects are frozen. */
export interface StorageView {
  claim(namespace: string, name: string): corev1.PersistentVolumeClaim | undefined
  volume(name: string): corev1.PersistentVolume | undefined
  volumes(): Iterable<corev1.PersistentVolume>
  storageClass(name: string): storagev1.StorageClass | undefined
  driver(name: string): storagev1.CSIDriver | undefined
  driversOf(node: string): storagev1.CSINode | undefined
  capacities(): Iterable<storagev1.CSIStorageCapacity>
}

const resources = [
  refs.persistentvolumeclaims,
  refs.persistentvolumes,
  refs.storageclasses,
  refs.csidrivers,
  refs.csinodes,
  refs.csistoragecapacities,
]

/** The view that informers keep up to date. `synced` resolves when the first lists are in. */
export function newStorageView(informers: InformerFactory): StorageView & { synced(): Promise<void> } {
  const claims = informers.informer(refs.persistentvolumeclaims)
  const volumes = informers.informer(refs.persistentvolumes)
  const classes = informers.informer(refs.storageclasses)
  const drivers = informers.informer(refs.csidrivers)
  const csiNodes = informers.informer(refs.csinodes)
  const capacities = informers.informer(refs.csistoragecapacities)
  const clusterWide = (name: string) => ({ namespace: "", name })
  return {
    claim: (namespace, name) => claims.get({ namespace, name }),
    volume: (name) => volumes.get(clusterWide(name)),
    volumes: () => volumes.values(),
    storageClass: (name) => classes.get(clusterWide(name)),
    driver: (name) => drivers.get(clusterWide(name)),
    driversOf: (node) => csiNodes.get(clusterWide(node)),
    capacities: () => capacities.values(),
    synced: async () => {
      await Promise.all(resources.map((ref) => informers.informer(ref as ResourceRef<KubeObject>).synced()))
    },
  }
}

/** The same over lists, for one look at a cluster. */
export function storageViewOf(objects: {
  claims?: readonly corev1.PersistentVolumeClaim[]
  volumes?: readonly corev1.PersistentVolume[]
  classes?: readonly storagev1.StorageClass[]
  drivers?: readonly storagev1.CSIDriver[]
  csiNodes?: readonly storagev1.CSINode[]
  capacities?: readonly storagev1.CSIStorageCapacity[]
}): StorageView {
  const named = <T extends KubeObject>(list: readonly T[] = []): Map<string, T> =>
    new Map(list.map((object) => [`${object.metadata.namespace ?? ""}/${object.metadata.name}`, object]))
  const [claims, volumes, classes] = [named(objects.claims), named(objects.volumes), named(objects.classes)]
  const [drivers, csiNodes] = [named(objects.drivers), named(objects.csiNodes)]
  return {
    claim: (namespace, name) => claims.get(`${namespace}/${name}`),
    volume: (name) => volumes.get(`/${name}`),
    volumes: () => volumes.values(),
    storageClass: (name) => classes.get(`/${name}`),
    driver: (name) => drivers.get(`/${name}`),
    driversOf: (node) => csiNodes.get(`/${node}`),
    capacities: () => objects.capacities ?? [],
  }
}
