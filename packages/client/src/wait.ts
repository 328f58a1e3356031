import { isStatus, type KubeObject, type ResourceRef } from "@ladya/apimachinery"
import { type Clock, errorMessage, sleep, TimeoutError, timeoutSignal } from "@ladya/util"
import type { Client } from "./client.ts"

export interface WaitForObjectOptions<T extends KubeObject> {
  client: Client
  ref: ResourceRef<T>
  name: string
  namespace?: string
  clock: Clock
  timeoutMs: number
  signal?: AbortSignal
  /** Named in the error. */
  description?: string
}

const retryMs = 250

/**
 * Waits, by a watch, until `condition` holds of the object (undefined: it is not there), and returns the object.
 * Throws a TimeoutError that names what was waited for.
 */
export async function waitForObject<T extends KubeObject, R extends T | undefined>(
  options: WaitForObjectOptions<T>,
  condition: (object: T | undefined) => object is R,
): Promise<R>
export async function waitForObject<T extends KubeObject>(
  options: WaitForObjectOptions<T>,
  condition: (object: T | undefined) => boolean,
): Promise<T | undefined>
export async function waitForObject<T extends KubeObject>(
  options: WaitForObjectOptions<T>,
  condition: (object: T | undefined) => boolean,
): Promise<T | undefined> {
  const { client, ref, name, namespace = "", clock, timeoutMs } = options
  const { signal, clear } = timeoutSignal(clock, timeoutMs, options.signal)
  const resource = client.resource(ref)
  const selection = { ...(namespace ? { namespace } : {}), fieldSelector: `metadata.name=${name}` }
  let lastError: unknown
  try {
    while (!signal.aborted) {
      try {
        const list = await resource.list({ ...selection, signal })
        if (condition(list.items[0])) return list.items[0]
        const resourceVersion = list.metadata.resourceVersion ?? ""
        for await (const event of resource.watch({ ...selection, resourceVersion, signal })) {
          if (event.type === "BOOKMARK") continue
          const object = event.type === "DELETED" ? undefined : event.object
          if (condition(object)) return object
        }
        lastError = undefined
      } catch (error) {
        if (signal.aborted) break
        if (isStatus(error, "Unauthorized", "Forbidden", "BadRequest")) throw error
        lastError = error
      }
      await sleep(clock, retryMs, signal).catch(() => undefined)
    }
  } finally {
    clear()
  }
  options.signal?.throwIfAborted()
  const what = options.description ?? `${ref.resource} ${JSON.stringify(name)}`
  const why = lastError === undefined ? "" : `; last error: ${errorMessage(lastError)}`
  throw new TimeoutError(`timed out after ${timeoutMs} ms waiting for ${what}${why}`)
}
