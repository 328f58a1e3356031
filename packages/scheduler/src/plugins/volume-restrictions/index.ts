import type { corev1 } from "@ladya/api"
import { stateKey } from "../../framework/cycle-state.ts"
import type { PluginHandle } from "../../framework/handle.ts"
import type { Plugin } from "../../framework/plugin.ts"
import { ok, skip, unresolvable, unschedulable } from "../../framework/verdict.ts"
import { claimsOfPod, hasClaims } from "../../storage/pod-claims.ts"

const onePod = unschedulable(
  "node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode",
)
const diskConflict = unschedulable("node(s) had no available disk")

interface Wanted {
  /** `namespace/name` of claims that only one pod may use. */
  readonly exclusive: ReadonlySet<string>
  /** Disks of the old in-tree drivers, with whether they are shared read-only. */
  readonly disks: readonly Disk[]
}

interface Disk {
  readonly id: string
  readonly shareable: boolean
}

const key = stateKey<Wanted>("VolumeRestrictions")

function disksOf({ spec }: corev1.Pod): Disk[] {
  return (spec?.volumes ?? []).flatMap(({ gcePersistentDisk, awsElasticBlockStore, iscsi, rbd }) => {
    if (gcePersistentDisk)
      return [{ id: `gce/${gcePersistentDisk.pdName}`, shareable: gcePersistentDisk.readOnly ?? false }]
    if (awsElasticBlockStore) return [{ id: `aws/${awsElasticBlockStore.volumeID}`, shareable: false }]
    if (iscsi) return [{ id: `iscsi/${iscsi.iqn}`, shareable: iscsi.readOnly ?? false }]
    if (rbd)
      return [
        { id: `rbd/${rbd.monitors.join(",")}/${rbd.pool ?? "rbd"}/${rbd.image}`, shareable: rbd.readOnly ?? false },
      ]
    return []
  })
}

const claimKeys = ({ metadata, spec }: corev1.Pod): string[] =>
  (spec?.volumes ?? []).flatMap(({ persistentVolumeClaim }) =>
    persistentVolumeClaim ? [`${metadata.namespace}/${persistentVolumeClaim.claimName}`] : [],
  )

/** Keeps two pods from a disk or claim that only one may use at a time. */
export function newVolumeRestrictions({ storage }: PluginHandle): Plugin {
  return {
    name: "VolumeRestrictions",
    interests: [
      { resource: "AssignedPod", actions: ["Delete"] },
      { resource: "Node", actions: ["Add"] },
      { resource: "PersistentVolumeClaim", actions: ["Add", "Update"] },
    ],
    preFilter(state, { pod }, nodes) {
      const disks = disksOf(pod)
      if (disks.length === 0 && !hasClaims(pod)) return { verdict: skip }
      const exclusive = new Set<string>()
      for (const { name, claim } of claimsOfPod(pod, storage)) {
        if (!claim) return { verdict: unresolvable(`persistentvolumeclaim "${name}" not found`) }
        if (claim.spec?.accessModes?.includes("ReadWriteOncePod")) exclusive.add(`${pod.metadata.namespace}/${name}`)
      }
      if (disks.length === 0 && exclusive.size === 0) return { verdict: skip }
      state.set(key, { exclusive, disks })
      // Such a claim is used once in the whole cluster, not once a node.
      for (const { pods } of exclusive.size > 0 ? nodes.list : []) {
        for (const other of pods.values()) {
          if (claimKeys(other.pod).some((name) => exclusive.has(name))) return { verdict: onePod }
        }
      }
      return { verdict: ok }
    },
    filter(state, _pod, { pods }) {
      const wanted = state.get(key)
      if (!wanted || wanted.disks.length === 0) return ok
      for (const other of pods.values()) {
        for (const held of disksOf(other.pod)) {
          const clash = wanted.disks.some(({ id, shareable }) => id === held.id && !(shareable && held.shareable))
          if (clash) return diskConflict
        }
      }
      return ok
    },
  }
}
