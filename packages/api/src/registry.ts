import { apiVersionOf, type GroupVersionKind, type GroupVersionResource, type KubeObject } from "@ladya/apimachinery"
import { behaviours } from "./behaviours.ts"
import { conversions, sharedStorage } from "./conversions.ts"
import resources from "./generated/resources.json" with { type: "json" }
import type { KindBehaviour, KindDefinition } from "./kind.ts"

type GeneratedResource = Omit<KindDefinition, "storage" | "toStorage" | "fromStorage" | "behaviour">

const generated = resources as unknown as readonly GeneratedResource[]
const generic: KindBehaviour = {}

const gvkKey = (gvk: { group: string; version: string; kind: string }): string =>
  `${gvk.group}/${gvk.version}/${gvk.kind}`
const gvrKey = (gvr: GroupVersionResource): string => `${gvr.group}/${gvr.version}/${gvr.resource}`

// The version that discovery prefers comes first, and is the most stable one: it is the stored one.
function storedVersionOf(entry: GeneratedResource): GeneratedResource {
  const shared = sharedStorage[`${entry.group}/${entry.resource}`]
  const group = shared?.group ?? entry.group
  const found = generated.find(
    (other) =>
      other.group === group && other.resource === entry.resource && (!shared || other.version === shared.version),
  )
  return found ?? entry
}

function define(entry: GeneratedResource): KindDefinition {
  const stored = storedVersionOf(entry)
  const convert = conversions[gvkKey(entry)]
  const here = apiVersionOf(entry)
  const there = apiVersionOf(stored)
  const { kind } = entry
  return Object.freeze({
    ...entry,
    storage: Object.freeze({
      group: stored.group,
      version: stored.version,
      kind: stored.kind,
      resource: stored.resource,
    }),
    toStorage(object: KubeObject): KubeObject {
      if (stored === entry) return object
      return { ...(convert ? convert.toStorage(object) : object), apiVersion: there, kind }
    },
    fromStorage(object: KubeObject): KubeObject {
      if (stored === entry) return object
      return { ...(convert ? convert.fromStorage(object) : object), apiVersion: here, kind }
    },
    behaviour: behaviours[gvkKey(entry)] ?? generic,
  })
}

/** Every built-in resource, in the order of discovery. */
export const kinds: readonly KindDefinition[] = Object.freeze(generated.map(define))

const byResource = new Map(kinds.map((kind) => [gvrKey(kind), kind]))
const byKind = new Map(kinds.map((kind) => [gvkKey(kind), kind]))

/** The definition of a served resource. */
export function kindByResource(gvr: GroupVersionResource): KindDefinition | undefined {
  return byResource.get(gvrKey(gvr))
}

/** The definition of a kind that has a resource of its own. */
export function kindByGvk(gvk: GroupVersionKind): KindDefinition | undefined {
  return byKind.get(gvkKey(gvk))
}

/** All versions in which what is kept as `group/resource` is served, the stored one included. */
export function kindsByStorage(storage: { group: string; resource: string }): readonly KindDefinition[] {
  return kinds.filter((kind) => kind.storage.group === storage.group && kind.storage.resource === storage.resource)
}

/** Whether objects of this definition are kept as they are. */
export function isStorageVersion(kind: KindDefinition): boolean {
  return kind.storage.group === kind.group && kind.storage.version === kind.version
}
