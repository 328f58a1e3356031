import type { coordinationv1 } from "@ladya/api"
import type { Store } from "@ladya/store"
import { LadyaError } from "../errors.ts"

/** Servers on one etcd hold these while they work. */
const leaseKeys = ["kube-controller-manager", "kube-scheduler"].map(
  (name) => `/registry/coordination.k8s.io/leases/kube-system/${name}`,
)

/** How long ago the holder of a lease has renewed it, in seconds; undefined when nobody holds it. `now` in milliseconds. */
export function heldFor(lease: coordinationv1.Lease, now: number): number | undefined {
  const { holderIdentity, renewTime, leaseDurationSeconds = 15 } = lease.spec ?? {}
  if (!holderIdentity || !renewTime) return undefined
  const seconds = (now - Date.parse(renewTime)) / 1000
  return seconds < leaseDurationSeconds ? Math.max(0, seconds) : undefined
}

/** Throws a LadyaError when a server works on this etcd. A server that crashed counts as working until its lease ends. */
export async function requireUnused(store: Store, name: string, now: number): Promise<void> {
  for (const key of leaseKeys) {
    const { kv } = await store.get(key)
    const seconds = kv && heldFor(JSON.parse(kv.value.toString()) as coordinationv1.Lease, now)
    if (seconds === undefined) continue
    throw new LadyaError(`the store ${name} is in use: a server renewed its lease ${Math.round(seconds)} s ago`, {
      hint: "stop every server on it; after a crash wait a quarter of a minute",
    })
  }
}
