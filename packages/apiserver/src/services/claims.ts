import { type networkingv1, refs } from "@ladya/api"
import { isStatus, newStatusError } from "@ladya/apimachinery"
import type { Client } from "@ladya/client"
import { type Store, StoreUnavailableError } from "@ladya/store"
import { registryPrefix } from "../storage/store-feed.ts"

/** The Service that an address or port is claimed for. */
export interface ClaimOwner {
  namespace: string
  name: string
}

/** `own`: the same Service has it, by an earlier claim or one made at the same time. */
export type ClaimOutcome = "made" | "own" | "taken"

/**
 * Who has which number, exactly, for all servers on one store: making the record is the claim, and of several that
 * try only one succeeds. Without a store that several share it costs one write more.
 */
export interface Claims {
  claim(number: string, owner: ClaimOwner): Promise<ClaimOutcome>
  /** Gives a number back, if it is this owner's. */
  release(number: string, owner: ClaimOwner): Promise<void>
}

export const familyLabel = "ipaddress.kubernetes.io/ip-family"
export const managedByLabel = "ipaddress.kubernetes.io/managed-by"
export const manager = "ipallocator.k8s.io"

/** Whether an IPAddress stands for an address of this Service. */
export function isHeldBy(address: networkingv1.IPAddress, owner: ClaimOwner): boolean {
  const { group = "", resource, namespace, name } = address.spec?.parentRef ?? {}
  return group === "" && resource === "services" && namespace === owner.namespace && name === owner.name
}

/** Addresses are claimed by IPAddress objects, as everybody can see them. */
export function newAddressClaims(client: Client): Claims {
  const addresses = client.resource(refs.ipaddresses)
  const find = (name: string): Promise<networkingv1.IPAddress | undefined> =>
    addresses.get(name).catch((error: unknown) => {
      if (isStatus(error, "NotFound")) return undefined
      throw error
    })
  return {
    async claim(name, { namespace, name: service }) {
      const labels = { [familyLabel]: name.includes(":") ? "IPv6" : "IPv4", [managedByLabel]: manager }
      try {
        await addresses.create({
          apiVersion: "networking.k8s.io/v1",
          kind: "IPAddress",
          metadata: { name, labels },
          spec: { parentRef: { group: "", resource: "services", namespace, name: service } },
        })
        return "made"
      } catch (error) {
        if (!isStatus(error, "AlreadyExists")) throw error
        const standing = await find(name)
        return standing && isHeldBy(standing, { namespace, name: service }) ? "own" : "taken"
      }
    },
    async release(name, owner) {
      const standing = await find(name)
      if (!standing || !isHeldBy(standing, owner)) return
      const { uid = "" } = standing.metadata
      await addresses.delete(name, { preconditions: { uid } }).catch((error: unknown) => {
        // Somebody else was faster, and may have made another.
        if (!isStatus(error, "NotFound", "Conflict")) throw error
      })
    },
  }
}

/** Below this stands who has a node port; the value is `namespace/name`. */
export const portPrefix = `${registryPrefix}ranges/servicenodeports/`

export const ownerText = ({ namespace, name }: ClaimOwner): string => `${namespace}/${name}`

/** Node ports have no kind of object: they are claimed by keys of their own. */
export function newPortClaims(store: Store): Claims {
  return {
    async claim(port, owner) {
      const text = ownerText(owner)
      const result = await store.create(portPrefix + port, Buffer.from(text)).catch(rethrow)
      if (result.ok) return "made"
      return result.current?.value.toString() === text ? "own" : "taken"
    },
    async release(port, owner) {
      const { kv } = await store.get(portPrefix + port).catch(rethrow)
      if (kv?.value.toString() === ownerText(owner)) await store.delete(kv.key, kv.modRevision).catch(rethrow)
    },
  }
}

function rethrow(error: unknown): never {
  if (error instanceof StoreUnavailableError) {
    throw newStatusError("ServiceUnavailable", `the store does not take the write: ${error.message}`)
  }
  throw error
}
