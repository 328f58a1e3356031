import { type corev1, storageClassOf } from "@ladya/api"
import { stateKey } from "../../framework/cycle-state.ts"
import type { PluginHandle } from "../../framework/handle.ts"
import type { Plugin } from "../../framework/plugin.ts"
import { ok, skip, unschedulable } from "../../framework/verdict.ts"
import { claimsOfPod } from "../../storage/pod-claims.ts"
import type { StorageView } from "../../storage/view.ts"

/** By driver, the handles of volumes a pod attaches: the same volume is attached once. */
type Attachments = ReadonlyMap<string, ReadonlySet<string>>

const refused = unschedulable("node(s) exceed max volume count")
const key = stateKey<Attachments>("NodeVolumeLimits")

const usesDrivers = ({ spec }: corev1.Pod): boolean =>
  spec?.volumes?.some(({ csi, persistentVolumeClaim, ephemeral }) => csi || persistentVolumeClaim || ephemeral) ?? false

function attachmentsOf(pod: corev1.Pod, storage: StorageView): Attachments {
  const found = new Map<string, Set<string>>()
  const add = (driver: string, handle: string): void => {
    found.set(driver, (found.get(driver) ?? new Set()).add(handle))
  }
  for (const { name, claim } of claimsOfPod(pod, storage)) {
    if (!claim) continue
    const csi = claim.spec?.volumeName ? storage.volume(claim.spec.volumeName)?.spec?.csi : undefined
    if (csi) add(csi.driver, csi.volumeHandle)
    else if (!claim.spec?.volumeName) {
      const provisioner = storage.storageClass(storageClassOf(claim))?.provisioner
      if (provisioner && storage.driver(provisioner)) add(provisioner, `${pod.metadata.namespace}/${name}`)
    }
  }
  return found
}

/** A driver attaches so many volumes to a node at most, as its CSINode says. */
export function newNodeVolumeLimits({ storage }: PluginHandle): Plugin {
  return {
    name: "NodeVolumeLimits",
    interests: [
      { resource: "CSINode", actions: ["Add", "Update"] },
      { resource: "AssignedPod", actions: ["Delete"] },
      { resource: "PersistentVolumeClaim", actions: ["Add", "Update"] },
    ],
    preFilter(state, { pod }) {
      if (!usesDrivers(pod)) return { verdict: skip }
      const wanted = attachmentsOf(pod, storage)
      if (wanted.size === 0) return { verdict: skip }
      state.set(key, wanted)
      return { verdict: ok }
    },
    filter(state, _pod, { name, pods }) {
      const wanted = state.get(key)
      const drivers = storage.driversOf(name)?.spec?.drivers
      if (!wanted || !drivers) return ok
      for (const [driver, handles] of wanted) {
        const limit = drivers.find((one) => one.name === driver)?.allocatable?.count
        if (limit === undefined) continue
        const attached = new Set(handles)
        for (const other of pods.values()) {
          if (!usesDrivers(other.pod)) continue
          for (const handle of attachmentsOf(other.pod, storage).get(driver) ?? []) attached.add(handle)
        }
        if (attached.size > limit) return refused
      }
      return ok
    },
  }
}
