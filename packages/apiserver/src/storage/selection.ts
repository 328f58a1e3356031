import type { KindDefinition } from "@ladya/api"
import {
  type FieldSelector,
  parseFieldSelector,
  parseLabelSelector,
  type Selector,
  statusError,
} from "@ladya/apimachinery"
import type { Entry } from "./entry.ts"

/** Which objects of a resource are meant. Selections with the same `id` choose the same. */
export interface Selection {
  readonly id: string
  /** Empty for all. */
  readonly namespace: string
  /** The one name that can match; undefined when it is free. */
  readonly name: string | undefined
  readonly labels: Selector | undefined
  readonly fields: FieldSelector | undefined
  /** Everything in the namespace. */
  readonly everything: boolean
  /** A label or field that has to have one of these values for anything to match. */
  readonly equals: EqualRequirement | undefined
  matches(entry: Entry): boolean
  /** Whether namespace and name are right. */
  isNear(entry: Entry): boolean
}

export interface EqualRequirement {
  /** `label app` or `field spec.nodeName`. */
  readonly id: string
  readonly values: readonly string[]
  /** Nothing else is asked for, but for the namespace. */
  readonly isAll: boolean
  valueOf(entry: Entry): string | undefined
}

export interface SelectionParameters {
  namespace: string
  /** The name in the URL. */
  name?: string
  labelSelector?: string | undefined
  fieldSelector?: string | undefined
}

const generic = new Set(["metadata.name", "metadata.namespace"])

function checkFields(kind: KindDefinition, selector: FieldSelector): void {
  const known = kind.behaviour.selectableFields
  for (const { field } of selector.requirements) {
    if (generic.has(field)) continue
    if (known && field in known(sampleOf(kind))) continue
    throw statusError.badRequest(
      known
        ? `field label not supported: ${field}`
        : `${JSON.stringify(field)} is not a known field selector: only "metadata.name", "metadata.namespace"`,
    )
  }
}

// Selectable fields are read off an object: an empty one tells their names.
function sampleOf(kind: KindDefinition): Parameters<NonNullable<KindDefinition["behaviour"]["selectableFields"]>>[0] {
  return { apiVersion: "", kind: kind.kind, metadata: {}, spec: {}, status: {} } as never
}

/** The names that the stored version has for the fields of a served one. */
function renaming({ behaviour: { fieldLabels } }: KindDefinition): ((field: string) => string) | undefined {
  if (!fieldLabels) return undefined
  return (field) => {
    if (generic.has(field)) return field
    const stored = fieldLabels[field]
    if (stored === undefined) throw statusError.badRequest(`field label not supported: ${field}`)
    return stored
  }
}

/**
 * Parses selectors and checks that the kind, the stored version, knows the fields; in the selector they have the names
 * of the version `served`. Throws a 400 Status.
 */
export function newSelection(
  kind: KindDefinition,
  parameters: SelectionParameters,
  served: KindDefinition = kind,
): Selection {
  const { namespace } = parameters
  const labelText = parameters.labelSelector ?? ""
  const fieldText = parameters.fieldSelector ?? ""
  const labels = labelText ? parseLabelSelector(labelText) : undefined
  let fields = fieldText ? parseFieldSelector(fieldText, renaming(served)) : undefined
  if (fields) checkFields(kind, fields)
  const name = parameters.name || fields?.required("metadata.name") || undefined
  // A selector that says only the name needs no look at the object.
  if (fields?.requirements.length === 1 && name !== undefined && fields.required("metadata.name") === name) {
    fields = undefined
  }
  if (fields?.everything) fields = undefined
  const isNear = (entry: Entry): boolean => {
    if (namespace && !(entry.key.startsWith(namespace) && entry.key.charCodeAt(namespace.length) === 47)) return false
    return name === undefined || entry.name === name
  }
  const labelsOrNone = labels?.everything ? undefined : labels
  return {
    id: `${namespace}\u0000${name ?? ""}\u0000${labelsOrNone?.toString() ?? ""}\u0000${fields?.toString() ?? ""}`,
    namespace,
    name,
    labels: labelsOrNone,
    fields,
    everything: name === undefined && !labelsOrNone && !fields,
    equals: equalRequirement(labelsOrNone, fields),
    isNear,
    matches(entry) {
      if (!isNear(entry)) return false
      if (labelsOrNone && !labelsOrNone.matches(entry.labels)) return false
      return !fields || fields.matches(entry.fields)
    },
  }
}

function equalRequirement(
  labels: Selector | undefined,
  fields: FieldSelector | undefined,
): EqualRequirement | undefined {
  const field = fields?.requirements.find((one) => one.operator === "=" && !generic.has(one.field) && one.value !== "")
  if (field) {
    return {
      id: `field ${field.field}`,
      values: [field.value],
      isAll: fields?.requirements.length === 1 && !labels,
      valueOf: (entry) => entry.fields[field.field],
    }
  }
  const label = labels?.requirements.find(({ operator }) => operator === "=" || operator === "==" || operator === "in")
  if (!label) return undefined
  return {
    id: `label ${label.key}`,
    values: label.values,
    isAll: labels?.requirements.length === 1 && !fields,
    valueOf: (entry) => entry.labels[label.key],
  }
}
