import { type corev1, matchesNodeSelector, refs, type resourcev1 } from "@ladya/api"
import { isStatus } from "@ladya/apimachinery"
import { errorMessage } from "@ladya/util"
import { type Allocation, Allocator } from "../../devices/allocator.ts"
import { AssumedAllocations } from "../../devices/in-use.ts"
import { devicesOf, newestPools, type Pools } from "../../devices/pools.ts"
import { type CycleState, stateKey } from "../../framework/cycle-state.ts"
import type { PluginHandle } from "../../framework/handle.ts"
import type { Plugin } from "../../framework/plugin.ts"
import { ok, skip, unresolvable, unschedulable } from "../../framework/verdict.ts"
import { claimsOfPod } from "./claims.ts"

type Claim = resourcev1.ResourceClaim

interface ClaimsOfCycle {
  readonly all: readonly Claim[]
  readonly toAllocate: readonly Claim[]
  readonly inUse: ReadonlySet<string>
  readonly pools: Pools
  /** By node: what Filter found, for Reserve. */
  readonly found: Map<string, readonly Allocation[]>
}

const key = stateKey<ClaimsOfCycle>("DynamicResources")
const finalizer = "resource.kubernetes.io/delete-protection"
const maxReservations = 256
const conflict = unresolvable("resourceclaim not available on the node")
const tooFew = unschedulable("cannot allocate all claims")

const wants = ({ spec }: corev1.Pod): boolean => (spec?.resourceClaims?.length ?? 0) > 0

/** Gives pods the devices they claim (structured parameters, KEP-4381). */
export function newDynamicResources({ client, devices }: PluginHandle): Plugin {
  const assumed = new AssumedAllocations()
  const api = client.resource(refs.resourceclaims)

  return {
    name: "DynamicResources",
    interests: [
      { resource: "ResourceClaim", actions: ["Add", "Update"] },
      { resource: "ResourceSlice", actions: ["Add", "Update"] },
      { resource: "DeviceClass", actions: ["Add", "Update"] },
      { resource: "Node", actions: ["Add", "UpdateLabels", "UpdateTaints"] },
      { resource: "Pod", actions: ["Update"] },
    ],
    preEnqueue({ pod }) {
      if (!wants(pod)) return ok
      const claims = claimsOfPod(pod, devices)
      return "reason" in claims ? unresolvable(claims.reason) : ok
    },
    preFilter(state, { pod }) {
      if (!wants(pod)) return { verdict: skip }
      const claims = claimsOfPod(pod, devices)
      if ("reason" in claims) return { verdict: unresolvable(claims.reason) }
      const full = claims.find(
        ({ status }) =>
          (status?.reservedFor?.length ?? 0) >= maxReservations &&
          !status?.reservedFor?.some(({ uid }) => uid === pod.metadata.uid),
      )
      if (full) return { verdict: unresolvable(`resourceclaim "${full.metadata.name}" is in use by too many pods`) }
      const toAllocate = claims.filter((claim) => !assumed.of(claim))
      const isNeeded = toAllocate.length > 0
      const inUse = isNeeded ? assumed.inUse(devices.claims()) : new Set<string>()
      const pools = isNeeded ? newestPools(devices.slices()) : []
      state.set(key, { all: claims, toAllocate, inUse, pools, found: new Map() })
      return { verdict: ok }
    },
    filter(state, _pod, { node, name }) {
      const claims = state.get(key)
      if (!claims) return ok
      for (const claim of claims.all) {
        const selector = assumed.of(claim)?.nodeSelector
        if (selector && !matchesNodeSelector(selector, node)) return conflict
      }
      if (claims.toAllocate.length === 0) return ok
      try {
        const known = devicesOf(node, claims.pools)
        const allocator = new Allocator({ view: devices, node, devices: known, inUse: claims.inUse })
        const found = allocator.allocate(claims.toAllocate)
        if (!found) return tooFew
        claims.found.set(name, found)
        return ok
      } catch (error) {
        return unresolvable(errorMessage(error))
      }
    },
    reserve(state, _pod, node) {
      for (const { claim, result } of foundOn(state, node)) assumed.assume(claim, result)
      return ok
    },
    unreserve(state, _pod, node) {
      for (const { claim } of foundOn(state, node)) assumed.forget(claim)
    },
    async preBind(state, { pod }, node) {
      const claims = state.get(key)
      if (!claims) return ok
      const found = new Map(foundOn(state, node).map(({ claim, result }) => [claim.metadata.uid, result]))
      try {
        for (const claim of claims.all) await reserveFor(pod, claim, found.get(claim.metadata.uid))
      } finally {
        for (const { claim } of foundOn(state, node)) assumed.forget(claim)
      }
      return ok
    },
  }

  function foundOn(state: CycleState, node: string): readonly Allocation[] {
    return state.get(key)?.found.get(node) ?? []
  }

  /** Writes the allocation, when there is a new one, and that the pod uses the claim. */
  async function reserveFor(
    pod: corev1.Pod,
    seen: Claim,
    allocation: resourcev1.AllocationResult | undefined,
  ): Promise<void> {
    const { namespace = "", name = "" } = seen.metadata
    for (let attempt = 1; ; attempt++) {
      const claim = attempt === 1 ? seen : await api.get(name, { namespace })
      if (claim.metadata.uid !== seen.metadata.uid) throw new Error(`resourceclaim "${name}" was made anew`)
      if (allocation && claim.status?.allocation) throw new Error(`resourceclaim "${name}" was allocated meanwhile`)
      const reserved = claim.status?.reservedFor ?? []
      if (!allocation && reserved.some(({ uid }) => uid === pod.metadata.uid)) return
      try {
        await write(pod, claim, allocation)
        return
      } catch (error) {
        if (!isStatus(error, "Conflict") || attempt >= 5) throw error
      }
    }
  }

  async function write(
    pod: corev1.Pod,
    claim: Claim,
    allocation: resourcev1.AllocationResult | undefined,
  ): Promise<void> {
    let current = claim
    const finalizers = claim.metadata.finalizers ?? []
    // The finalizer comes first: an allocation must never be lost with its claim.
    if (allocation && !finalizers.includes(finalizer)) {
      current = await api.update({ ...claim, metadata: { ...claim.metadata, finalizers: [...finalizers, finalizer] } })
    }
    const consumer = { resource: "pods", name: pod.metadata.name ?? "", uid: pod.metadata.uid ?? "" }
    const reservedFor = [...(current.status?.reservedFor ?? []), consumer]
    await api.updateStatus({
      ...current,
      status: { ...current.status, ...(allocation ? { allocation } : {}), reservedFor },
    })
  }
}
