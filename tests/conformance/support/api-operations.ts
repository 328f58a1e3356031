import assert from "node:assert/strict"
import type { KubeObject, ResourceRef } from "@ladya/apimachinery"
import { apiVersionOf } from "@ladya/apimachinery"
import type { ConformanceContext } from "./context.ts"
import { startWatch } from "./watches.ts"

/** Looks a resource, and its subresources, up on all levels of discovery. */
export async function expectDiscovered(
  t: ConformanceContext,
  ref: ResourceRef,
  subresources: readonly string[] = [],
): Promise<void> {
  const { group, version, resource } = ref
  if (group) {
    const groups = (await t.http("GET", "/apis")).json.groups as { name: string; versions: { version: string }[] }[]
    assert.ok(
      groups.some((one) => one.name === group && one.versions.some((found) => found.version === version)),
      `/apis has no ${apiVersionOf(ref)}`,
    )
    const one = (await t.http("GET", `/apis/${group}`)).json as { versions: { version: string }[] }
    assert.ok(one.versions.some((found) => found.version === version))
  }
  const list = (await t.http("GET", group ? `/apis/${group}/${version}` : `/api/${version}`)).json as {
    resources: { name: string }[]
  }
  for (const name of [resource, ...subresources.map((one) => `${resource}/${one}`)]) {
    assert.ok(
      list.resources.some((found) => found.name === name),
      `${apiVersionOf(ref)} has no ${name}`,
    )
  }
}

/**
 * Create, get, list, watch, patch, update, delete and deletecollection of one resource, in `namespace` when it is
 * namespaced. `make(name)` gives an object to create; its label `e2e` is set here. Objects that wait for their
 * end (finalizers) are waited for.
 */
export async function expectApiOperations<T extends KubeObject>(
  t: ConformanceContext,
  ref: ResourceRef<T>,
  make: (name: string) => T,
  namespace?: string,
): Promise<void> {
  const resource = t.client.resource(ref)
  const scope = namespace === undefined ? {} : { namespace }
  const label = t.unique("special")
  const labelSelector = `e2e=${label}`
  t.defer(() => resource.deleteCollection({ ...scope, labelSelector }))
  const create = async (name: string): Promise<T> => {
    const object = make(name)
    const labels = { ...object.metadata.labels, e2e: label }
    return await resource.create({ ...object, metadata: { ...object.metadata, ...scope, labels } })
  }
  const named = (name: string) => (event: { object: T }) => event.object.metadata.name === name
  const [first, ...others] = [1, 2, 3].map((number) => `${label}-${number}`) as [string, ...string[]]

  const created = await create(first)
  const got = await resource.get(first, scope)
  assert.equal(got.metadata.uid, created.metadata.uid)
  for (const name of others) await create(name)
  const list = await resource.list({ ...scope, labelSelector })
  assert.deepEqual(list.items.map(({ metadata }) => metadata.name).sort(), [first, ...others])
  if (namespace !== undefined) assert.equal((await resource.list({ labelSelector })).items.length, 3)

  const resourceVersion = list.metadata.resourceVersion ?? ""
  const watch = startWatch(t, ref, { ...scope, labelSelector, resourceVersion })
  const patched = await resource.patch(first, "merge", { metadata: { annotations: { patched: "true" } } }, scope)
  assert.equal(patched.metadata.annotations?.["patched"], "true")
  await watch.next("patched", (event) => event.type === "MODIFIED" && named(first)(event))
  await t.until("an update", async () => {
    const copy = structuredClone(await resource.get(first, scope)) as T
    copy.metadata.annotations = { ...copy.metadata.annotations, updated: "true" }
    return (await resource.update(copy)).metadata.annotations?.["updated"] === "true"
  })
  await watch.next("updated", ({ type, object }) => {
    return type === "MODIFIED" && object.metadata.annotations?.["updated"] === "true"
  })

  const gone = async (count: number): Promise<void> => {
    await t.until(`${ref.resource} to be ${count}`, async () => {
      return (await resource.list({ ...scope, labelSelector })).items.length === count
    })
  }
  await resource.delete(first, scope)
  await gone(2)
  await watch.next("deleted", (event) => event.type === "DELETED" && named(first)(event))
  await resource.deleteCollection({ ...scope, labelSelector })
  await gone(0)
}

/** Gets, patches and updates the `status` subresource by adding an annotation; gives the object after it. */
export async function expectStatusOperations<T extends KubeObject>(
  t: ConformanceContext,
  ref: ResourceRef<T>,
  name: string,
  status: object,
  namespace?: string,
): Promise<T> {
  const resource = t.client.resource(ref)
  const scope = namespace === undefined ? {} : { namespace }
  const body = { metadata: { annotations: { patchedstatus: "true" } }, status }
  const patched = await resource.patch(name, "merge", body, { ...scope, subresource: "status" })
  assert.equal(patched.metadata.annotations?.["patchedstatus"], "true")
  await t.until("an update of the status", async () => {
    const copy = structuredClone(await resource.getSubresource<T>(name, "status", scope)) as T
    copy.metadata.annotations = { ...copy.metadata.annotations, updatedstatus: "true" }
    return (await resource.updateStatus(copy)).metadata.annotations?.["updatedstatus"] === "true"
  })
  return await resource.getSubresource<T>(name, "status", scope)
}
