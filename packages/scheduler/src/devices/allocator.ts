import type { corev1, resourcev1 } from "@ladya/api"
import { isSameValue } from "./attributes.ts"
import type { KnownDevice, NodeDevices } from "./pools.ts"
import { attributeValue, satisfies } from "./selectors.ts"
import type { DeviceView } from "./view.ts"

type Claim = resourcev1.ResourceClaim
type Exact = resourcev1.ExactDeviceRequest | resourcev1.DeviceSubRequest

/** A search that takes more steps than this is given up: the node is refused. */
const maxSteps = 100_000

/** The devices of one claim. */
export interface Allocation {
  readonly claim: Claim
  readonly result: resourcev1.AllocationResult
}

/** One device that has to be found. */
interface Slot {
  readonly claim: Claim
  /** `request` or `request/subrequest`, as constraints name them. */
  readonly request: string
  readonly spec: Exact
  readonly selectors: readonly (readonly resourcev1.DeviceSelector[])[]
}

interface Taken {
  readonly slot: Slot
  readonly device: KnownDevice
}

const fullName = (name: string, driver: string): string => (name.includes("/") ? name : `${driver}/${name}`)

/** An attribute by its full name. */
function attributeOf({ device, driver }: KnownDevice, name: string): unknown {
  for (const [own, attribute] of Object.entries(device.attributes ?? {})) {
    if (fullName(own, driver) === name) return attributeValue(attribute)
  }
  return undefined
}

function tolerates(
  tolerations: readonly resourcev1.DeviceToleration[] | undefined,
  taint: resourcev1.DeviceTaint,
): boolean {
  return (tolerations ?? []).some(({ key, operator, value, effect }) => {
    if (effect && effect !== taint.effect) return false
    if (key && key !== taint.key) return false
    return operator === "Exists" || (value ?? "") === (taint.value ?? "")
  })
}

const isTainted = ({ device }: KnownDevice, { tolerations }: Exact): boolean =>
  (device.taints ?? []).some((taint) => taint.effect !== "None" && !tolerates(tolerations, taint))

/** Finds devices of one node for claims, by trying and going back (structured parameters, KEP-4381). */
export class Allocator {
  readonly #view: DeviceView
  readonly #node: corev1.Node
  readonly #devices: NodeDevices
  readonly #inUse: ReadonlySet<string>
  #steps = 0

  constructor(deps: { view: DeviceView; node: corev1.Node; devices: NodeDevices; inUse: ReadonlySet<string> }) {
    this.#view = deps.view
    this.#node = deps.node
    this.#devices = deps.devices
    this.#inUse = deps.inUse
  }

  /** All claims or none. Throws an Error when a request cannot be understood (a class that is missing, bad CEL). */
  allocate(claims: readonly Claim[]): readonly Allocation[] | undefined {
    // Each alternative of a request is a search of its own, the first of the list being the best.
    for (const slots of this.#choices(claims)) {
      const taken = this.#fill(slots, 0, [])
      if (taken) return claims.map((claim) => this.#allocationOf(claim, taken))
    }
    return undefined
  }

  *#choices(claims: readonly Claim[]): Generator<readonly Slot[]> {
    const requests = claims.flatMap((claim) =>
      (claim.spec.devices?.requests ?? []).map((request) => ({ claim, request })),
    )
    const build = function* (this: Allocator, index: number): Generator<readonly Slot[]> {
      const current = requests[index]
      if (!current) {
        yield []
        return
      }
      const { claim, request } = current
      const alternatives = request.exactly
        ? [{ name: request.name, spec: request.exactly as Exact }]
        : (request.firstAvailable ?? []).map((spec) => ({ name: `${request.name}/${spec.name}`, spec: spec as Exact }))
      for (const { name, spec } of alternatives) {
        const slots = this.#slotsOf(claim, name, spec)
        if (!slots) continue
        for (const rest of build.call(this, index + 1)) yield [...slots, ...rest]
      }
    }
    yield* build.call(this, 0)
  }

  #slotsOf(claim: Claim, request: string, spec: Exact): readonly Slot[] | undefined {
    const deviceClass = this.#view.deviceClass(spec.deviceClassName)
    if (!deviceClass) throw new Error(`could not retrieve device class ${spec.deviceClassName}`)
    const slot: Slot = { claim, request, spec, selectors: [deviceClass.spec.selectors ?? [], spec.selectors ?? []] }
    if (spec.allocationMode !== "All") return Array.from({ length: spec.count ?? 1 }, () => slot)
    // All means all there are: while a pool is told of in part, nobody knows how many.
    if (this.#devices.isIncomplete) return undefined
    const all = this.#devices.devices.filter((device) => this.#isWanted(slot, device))
    return all.length === 0 ? undefined : all.map(() => slot)
  }

  #isWanted({ selectors, spec }: Slot, device: KnownDevice): boolean {
    return !isTainted(device, spec) && selectors.every((list) => satisfies(device, list))
  }

  #fill(slots: readonly Slot[], index: number, taken: readonly Taken[]): readonly Taken[] | undefined {
    const slot = slots[index]
    if (!slot) return taken
    for (const device of this.#devices.devices) {
      if (++this.#steps > maxSteps) return undefined
      if (!this.#isFree(slot, device, taken) || !this.#isWanted(slot, device)) continue
      const next = [...taken, { slot, device }]
      if (!this.#meetsConstraints(slot.claim, next)) continue
      const found = this.#fill(slots, index + 1, next)
      if (found) return found
    }
    return undefined
  }

  #isFree({ spec }: Slot, device: KnownDevice, taken: readonly Taken[]): boolean {
    // An administrator looks at devices that others use.
    if ("adminAccess" in spec && spec.adminAccess) return !taken.some((other) => other.device.id === device.id)
    return !this.#inUse.has(device.id) && !taken.some((other) => other.device.id === device.id)
  }

  #meetsConstraints(claim: Claim, taken: readonly Taken[]): boolean {
    const own = taken.filter(({ slot }) => slot.claim === claim)
    return (claim.spec.devices?.constraints ?? []).every(({ requests, matchAttribute, distinctAttribute }) => {
      const concerned = own.filter(({ slot: { request } }) => {
        const [main] = request.split("/")
        return !requests?.length || requests.includes(request) || requests.includes(main ?? "")
      })
      const values = concerned.map(({ device }) => attributeOf(device, matchAttribute ?? distinctAttribute ?? ""))
      if (values.includes(undefined)) return false
      if (matchAttribute) return values.every((value) => isSameValue(value, values[0]))
      return values.every((value, at) => !values.slice(0, at).some((other) => isSameValue(other, value)))
    })
  }

  #allocationOf(claim: Claim, taken: readonly Taken[]): Allocation {
    const own = taken.filter(({ slot }) => slot.claim === claim)
    const results = own.map(({ slot: { request, spec }, device: { driver, pool, device } }) => ({
      request,
      driver,
      pool,
      device: device.name,
      ...("adminAccess" in spec && spec.adminAccess ? { adminAccess: true } : {}),
      ...(spec.tolerations?.length ? { tolerations: [...spec.tolerations] } : {}),
    }))
    const config = [
      ...own.flatMap(({ slot: { request, spec } }) =>
        (this.#view.deviceClass(spec.deviceClassName)?.spec.config ?? []).map((one) => ({
          ...one,
          source: "FromClass",
          requests: [request],
        })),
      ),
      ...(claim.spec.devices?.config ?? []).map((one) => ({ ...one, source: "FromClaim" })),
    ]
    const isLocal = own.some(({ device: { slice, device } }) => !slice.spec.allNodes && !device.allNodes)
    const devices = { results, ...(config.length > 0 ? { config } : {}) }
    return { claim, result: { devices, ...(isLocal ? { nodeSelector: this.#selectorOf() } : {}) } }
  }

  #selectorOf(): corev1.NodeSelector {
    const name = this.#node.metadata.name ?? ""
    return { nodeSelectorTerms: [{ matchFields: [{ key: "metadata.name", operator: "In", values: [name] }] }] }
  }
}
