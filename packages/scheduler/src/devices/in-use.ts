import type { resourcev1 } from "@ladya/api"

type Claim = resourcev1.ResourceClaim

const idOf = ({ driver, pool, device }: resourcev1.DeviceRequestAllocationResult): string =>
  `${driver}/${pool}/${device}`

/** The devices that allocations hold. Looking on as an administrator holds nothing. */
export function devicesHeld(allocation: resourcev1.AllocationResult | undefined): string[] {
  return (allocation?.devices?.results ?? []).filter(({ adminAccess }) => !adminAccess).map(idOf)
}

/** Allocations that the API does not show yet, by the UID of their claim. */
export class AssumedAllocations {
  readonly #byUid = new Map<string, resourcev1.AllocationResult>()

  assume(claim: Claim, result: resourcev1.AllocationResult): void {
    this.#byUid.set(claim.metadata.uid ?? "", result)
  }

  forget(claim: Claim): void {
    this.#byUid.delete(claim.metadata.uid ?? "")
  }

  of(claim: Claim): resourcev1.AllocationResult | undefined {
    return claim.status?.allocation ?? this.#byUid.get(claim.metadata.uid ?? "")
  }

  /** What is taken in the whole cluster. */
  inUse(claims: Iterable<Claim>): Set<string> {
    const taken = new Set<string>()
    for (const allocation of this.#byUid.values()) for (const id of devicesHeld(allocation)) taken.add(id)
    for (const { status } of claims) for (const id of devicesHeld(status?.allocation)) taken.add(id)
    return taken
  }
}
