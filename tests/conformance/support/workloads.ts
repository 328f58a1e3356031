import assert from "node:assert/strict"
import { type corev1, refs } from "@ladya/api"
import { isStatus, type KubeObject, type metav1, type ResourceRef } from "@ladya/apimachinery"
import type { ConformanceContext } from "./context.ts"

/** Reads, changes and writes an object, again while others are faster. Gives what was written. */
export async function updateObject<T extends KubeObject>(
  t: ConformanceContext,
  ref: ResourceRef<T>,
  place: { name: string; namespace?: string },
  change: (draft: T) => void,
  subresource?: string,
): Promise<T> {
  const { name, namespace } = place
  const scope = namespace === undefined ? {} : { namespace }
  for (;;) {
    const draft = structuredClone(await t.client.resource(ref).get(name, scope)) as T
    change(draft)
    try {
      return await t.client.resource(ref).update(draft, subresource ? { subresource } : {})
    } catch (error) {
      if (!isStatus(error, "Conflict") || t.signal.aborted) throw error
    }
  }
}

/** Waits until the object is as wanted; the error shows it as it was last. */
export async function untilObject<T extends KubeObject>(
  t: ConformanceContext,
  ref: ResourceRef<T>,
  place: { name: string; namespace?: string },
  what: string,
  wanted: (object: T) => unknown,
  timeoutMs = 90_000,
): Promise<T> {
  const { name, namespace } = place
  let last: T | undefined
  const look = async (): Promise<T | undefined> => {
    last = await t.client.resource(ref).get(name, namespace === undefined ? {} : { namespace })
    return wanted(last) ? last : undefined
  }
  return await t.until(`${ref.resource} ${name}: ${what}`, look, timeoutMs).catch((error: Error) => {
    const { metadata: _, ...shown } = last ?? { metadata: {} }
    throw new Error(`${error.message}\nlast seen: ${JSON.stringify(shown)}`, { cause: error })
  })
}

/** Waits until the object is not there. */
export async function untilGone(
  t: ConformanceContext,
  ref: ResourceRef,
  place: { name: string; namespace?: string },
  timeoutMs = 90_000,
): Promise<void> {
  const { name, namespace } = place
  await t.until(
    `${ref.resource} ${name} to be gone`,
    async () => {
      try {
        await t.client.resource(ref).get(name, namespace === undefined ? {} : { namespace })
        return false
      } catch (error) {
        if (isStatus(error, "NotFound")) return true
        throw error
      }
    },
    timeoutMs,
  )
}

/** `a=1,b=2`. */
export function selectorText(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(",")
}

/** The pods with these labels that are not on their way out. */
export async function podsWith(
  t: ConformanceContext,
  namespace: string,
  labels: Readonly<Record<string, string>>,
): Promise<corev1.Pod[]> {
  const { items } = await t.client.resource(refs.pods).list({ namespace, labelSelector: selectorText(labels) })
  return items.filter(({ metadata }) => !metadata.deletionTimestamp)
}

/** Waits until the pods with these labels are as wanted. */
export async function untilPods(
  t: ConformanceContext,
  namespace: string,
  labels: Readonly<Record<string, string>>,
  what: string,
  wanted: (pods: corev1.Pod[]) => unknown,
  timeoutMs = 90_000,
): Promise<corev1.Pod[]> {
  let last: corev1.Pod[] = []
  const look = async (): Promise<corev1.Pod[] | undefined> => {
    last = await podsWith(t, namespace, labels)
    return wanted(last) ? last : undefined
  }
  return await t.until(`pods ${selectorText(labels)}: ${what}`, look, timeoutMs).catch((error: Error) => {
    const shown = last.map(({ metadata, status }) => ({ name: metadata.name, status }))
    throw new Error(`${error.message}\nlast seen: ${JSON.stringify(shown)}`, { cause: error })
  })
}

/** The owner that controls the object. */
export function controllerOf({ metadata }: { metadata: metav1.ObjectMeta }): metav1.OwnerReference | undefined {
  return metadata.ownerReferences?.find(({ controller }) => controller)
}

interface Condition {
  type?: string
  status?: string
  reason?: string
}

/** Whether there is such a condition with this status. */
export function hasCondition(
  object: { status?: { conditions?: readonly Condition[] } },
  type: string,
  status = "True",
): boolean {
  return object.status?.conditions?.some((one) => one.type === type && one.status === status) ?? false
}

interface Scale extends KubeObject {
  spec: { replicas?: number }
  status?: { replicas: number; selector?: string }
}

/** Reads the scale, which must be one, then updates it to 2 and patches it to `patched`. */
export async function expectScale(
  t: ConformanceContext,
  ref: ResourceRef,
  place: { name: string; namespace: string },
  patched = 4,
): Promise<void> {
  const { name, namespace } = place
  const resource = t.client.resource(ref as ResourceRef<Scale>)
  const scale = await resource.getSubresource<Scale>(name, "scale", { namespace })
  assert.equal(scale.kind, "Scale")
  assert.equal(scale.metadata.name, name)
  assert.equal(scale.spec.replicas, 1)
  assert.equal(scale.status?.replicas, 1)
  // Without a version, as a client that has built it itself would send it.
  const { resourceVersion: _, ...metadata } = scale.metadata
  const updated = await resource.update({ ...scale, metadata, spec: { replicas: 2 } }, { subresource: "scale" })
  assert.equal(updated.spec.replicas, 2)
  assert.equal((await resource.get(name, { namespace })).spec.replicas, 2)
  const body = { spec: { replicas: patched } }
  assert.equal((await resource.patch(name, "merge", body, { namespace, subresource: "scale" })).spec.replicas, patched)
  assert.equal((await resource.get(name, { namespace })).spec.replicas, patched)
}

/**
 * Reads, updates and patches the status: each adds a condition, and a watch sees it. `make` gives a condition of the
 * kind's type.
 */
export async function expectStatusConditions<T extends KubeObject & { status?: { conditions?: Condition[] } }>(
  t: ConformanceContext,
  ref: ResourceRef<T>,
  place: { name: string; namespace: string },
): Promise<void> {
  const { name, namespace } = place
  const resource = t.client.resource(ref)
  await resource.getSubresource(name, "status", { namespace })
  await updateObject(
    t,
    ref,
    place,
    (draft) => {
      draft.status ??= {}
      draft.status.conditions ??= []
      draft.status.conditions.push({
        ...{ type: "StatusUpdate", status: "True", reason: "E2E", message: "Set from an e2e test" },
        lastTransitionTime: "2026-01-01T00:00:00Z",
      } as Condition)
    },
    "status",
  )
  await untilObject(t, ref, place, "updated status", (object) => hasCondition(object, "StatusUpdate"))
  const body = { status: { conditions: [{ type: "StatusPatched", status: "True" }] } }
  const patched = await resource.patch(name, "merge", body, { namespace, subresource: "status" })
  assert.ok(hasCondition(patched, "StatusPatched"))
}
