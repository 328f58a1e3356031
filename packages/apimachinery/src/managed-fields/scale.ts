import type { ManagedFieldsEntry } from "../generated/metav1.ts"
import type { KubeObject } from "../resource.ts"
import { encodeManaged, type Managed, managedOf, putManaged } from "./entries.ts"
import { differenceSets, hasPath, pathSet, unionSets } from "./field-set.ts"

const path = ["f:spec", "f:replicas"]
const replicas = pathSet(path)

/** Who owns the replicas of an object, as managers of its Scale of this version. */
export function managedOfScale(object: KubeObject, scaleVersion: string): ManagedFieldsEntry[] | undefined {
  const found: Managed[] = []
  for (const entry of managedOf(object).values()) {
    if (hasPath(entry.fields, path)) found.push({ ...entry, apiVersion: scaleVersion, fields: replicas })
  }
  return encodeManaged(found)
}

/** The managers of the object after a write of its Scale: who lost the replicas there loses them here. */
export function managedFromScale(
  object: KubeObject,
  scale: readonly ManagedFieldsEntry[] | undefined,
): ManagedFieldsEntry[] | undefined {
  const managed = managedOf(object)
  const key = (entry: Managed): string => `${entry.operation}\n${entry.subresource}\n${entry.manager}`
  const owners = new Map<string, Managed>()
  for (const entry of managedOf({ ...object, metadata: { managedFields: [...(scale ?? [])] } }).values()) {
    owners.set(key(entry), entry)
  }
  for (const [identity, entry] of [...managed]) {
    if (!hasPath(entry.fields, path)) continue
    const kept = owners.get(key(entry))
    if (!kept) putManaged(managed, identity, { ...entry, fields: differenceSets(entry.fields, replicas) })
    else {
      managed.set(identity, { ...entry, time: kept.time })
      owners.delete(key(entry))
    }
  }
  for (const entry of owners.values()) {
    if (!hasPath(entry.fields, path)) continue
    const own = { ...entry, apiVersion: object.apiVersion }
    const before = [...managed].find(([, other]) => key(other) === key(own) && other.apiVersion === own.apiVersion)
    const fields = before ? unionSets(before[1].fields, replicas) : replicas
    managed.set(before?.[0] ?? `scale\n${key(own)}`, { ...own, fields })
  }
  return encodeManaged(managed.values())
}
