import { isStatus, type KubeObject, type ResourceRef } from "@ladya/apimachinery"
import type { Client } from "@ladya/client"

/** Reads the present state for those that decide on requests. Objects are frozen. */
export interface Lookup {
  /** Undefined when there is no such object. */
  get<T extends KubeObject>(ref: ResourceRef<T>, namespace: string, name: string): Promise<T | undefined>
  list<T extends KubeObject>(ref: ResourceRef<T>, namespace?: string): Promise<readonly T[]>
}

/** A lookup that asks the API. */
export function newLookup(client: Client): Lookup {
  return {
    async get(ref, namespace, name) {
      try {
        return await client.resource(ref).get(name, { namespace })
      } catch (error) {
        if (isStatus(error, "NotFound")) return undefined
        throw error
      }
    },
    async list(ref, namespace = "") {
      return (await client.resource(ref).list({ namespace })).items
    },
  }
}
