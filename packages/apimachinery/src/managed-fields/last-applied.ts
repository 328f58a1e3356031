import type { KubeObject } from "../resource.ts"
import { compareObjects } from "./compare.ts"
import { fieldSetOf, validateConfiguration } from "./configuration.ts"
import { differenceSets, emptySet, type FieldSet } from "./field-set.ts"
import type { FieldType } from "./field-type.ts"

export const lastAppliedAnnotation = "kubectl.kubernetes.io/last-applied-configuration"
/** All annotations of an object together. */
export const maxAnnotationsBytes = 256 * 1024

/** The fields that were applied by kubectl on its side and still are as they were then: kubectl may take them over. */
export function allowedByLastApplied(type: FieldType, live: KubeObject): FieldSet {
  const text = live.metadata.annotations?.[lastAppliedAnnotation]
  if (!text) return emptySet
  let applied: unknown
  try {
    applied = JSON.parse(text)
  } catch {
    return emptySet
  }
  if (typeof applied !== "object" || applied === null || validateConfiguration(type, applied).length > 0)
    return emptySet
  const { apiVersion } = applied as Partial<KubeObject>
  if (apiVersion !== live.apiVersion) return emptySet
  const fields = fieldSetOf(type, applied)
  const comparison = compareObjects(type, applied, live)
  if (!comparison) return fields
  const { added, modified, removed } = comparison
  return differenceSets(differenceSets(differenceSets(fields, modified), added), removed)
}

/** The annotation's value for a configuration, as kubectl writes it. */
export function lastAppliedText(config: KubeObject): string {
  const { managedFields: _managedFields, ...metadata } = config.metadata ?? {}
  const annotations = { ...metadata.annotations }
  delete annotations[lastAppliedAnnotation]
  return `${JSON.stringify(sorted({ ...config, metadata: { ...metadata, annotations } }))}\n`
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== "object" || value === null) return value
  const object = value as Record<string, unknown>
  return Object.fromEntries(
    Object.keys(object)
      .sort()
      .map((key) => [key, sorted(object[key])]),
  )
}
