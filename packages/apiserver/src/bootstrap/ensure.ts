import { deepCopy, isStatus, type KubeObject, type ResourceRef } from "@ladya/apimachinery"
import type { Client } from "@ladya/client"

/**
 * Makes an object when it is missing; otherwise `mend` may change a private copy of what stands there and says whether
 * it did. Somebody faster is looked at again.
 */
export async function ensure<T extends KubeObject>(
  client: Client,
  ref: ResourceRef<T>,
  wanted: T,
  mend?: (draft: T) => boolean,
): Promise<void> {
  const resource = client.resource(ref)
  const { name = "", namespace = "" } = wanted.metadata
  for (;;) {
    let current: T
    try {
      current = await resource.get(name, { namespace })
    } catch (error) {
      if (!isStatus(error, "NotFound")) throw error
      try {
        await resource.create(deepCopy(wanted))
        return
      } catch (createError) {
        if (isStatus(createError, "AlreadyExists")) continue
        throw createError
      }
    }
    if (!mend) return
    const draft = deepCopy(current)
    if (!mend(draft)) return
    try {
      await resource.update(draft)
      return
    } catch (error) {
      if (!isStatus(error, "Conflict")) throw error
    }
  }
}
