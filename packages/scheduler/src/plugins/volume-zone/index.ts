import type { corev1 } from "@ladya/api"
import { stateKey } from "../../framework/cycle-state.ts"
import type { PluginHandle } from "../../framework/handle.ts"
import type { Plugin } from "../../framework/plugin.ts"
import { ok, skip, unresolvable } from "../../framework/verdict.ts"
import { claimsOfPod, hasClaims } from "../../storage/pod-claims.ts"

interface Topology {
  readonly key: string
  readonly values: ReadonlySet<string>
}

const labels = [
  "topology.kubernetes.io/zone",
  "topology.kubernetes.io/region",
  "failure-domain.beta.kubernetes.io/zone",
  "failure-domain.beta.kubernetes.io/region",
]
const newNames: Readonly<Record<string, string>> = {
  "failure-domain.beta.kubernetes.io/zone": "topology.kubernetes.io/zone",
  "failure-domain.beta.kubernetes.io/region": "topology.kubernetes.io/region",
}
const refused = unresolvable("node(s) had no available volume zone")
const key = stateKey<readonly Topology[]>("VolumeZone")

/** Zones of a volume's label: several are joined by two underscores. */
function topologiesOf({ metadata }: corev1.PersistentVolume): Topology[] {
  return labels.flatMap((label) => {
    const value = metadata.labels?.[label]
    return value === undefined ? [] : [{ key: label, values: new Set(value.split("__")) }]
  })
}

/** Volumes with zone labels are reached from their zone alone. */
export function newVolumeZone({ storage }: PluginHandle): Plugin {
  return {
    name: "VolumeZone",
    interests: [
      { resource: "Node", actions: ["Add", "UpdateLabels"] },
      { resource: "PersistentVolumeClaim", actions: ["Add", "Update"] },
      { resource: "PersistentVolume", actions: ["Add", "Update"] },
      { resource: "StorageClass", actions: ["Add"] },
    ],
    preFilter(state, { pod }) {
      if (!hasClaims(pod)) return { verdict: skip }
      const found = claimsOfPod(pod, storage).flatMap(({ claim }) => {
        const volume = claim?.spec?.volumeName ? storage.volume(claim.spec.volumeName) : undefined
        return volume ? topologiesOf(volume) : []
      })
      if (found.length === 0) return { verdict: skip }
      state.set(key, found)
      return { verdict: ok }
    },
    filter(state, _pod, { node }) {
      const has = node.metadata.labels ?? {}
      // A node without any zone is in none, and is not refused.
      if (!labels.some((label) => has[label] !== undefined)) return ok
      const fits = (state.get(key) ?? []).every(({ key: label, values }) => {
        const value = has[label] ?? has[newNames[label] ?? ""]
        return value !== undefined && values.has(value)
      })
      return fits ? ok : refused
    },
  }
}
