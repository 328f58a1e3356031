import type { apiextensionsv1, KindBehaviour } from "@ladya/api"
import {
  applyDefaults,
  compileJsonPath,
  type FieldError,
  type FieldErrorType,
  fieldError,
  type KubeObject,
  semanticEqual,
  validateStructural,
} from "@ladya/apimachinery"
import { newRuleTree, validateRules } from "@ladya/cel"
import { customColumns } from "./columns.ts"
import { scaleAccess } from "./scale.ts"
import { schemaOf } from "./schemas.ts"

type Definition = apiextensionsv1.CustomResourceDefinition
type Version = apiextensionsv1.CustomResourceDefinitionVersion
type Fields = Record<string, unknown>

/** What is wrong in these ways keeps the rules from being looked at. */
const blocking = new Set<FieldErrorType>([
  "FieldValueNotSupported",
  "FieldValueRequired",
  "FieldValueTooLong",
  "FieldValueTooMany",
  "FieldValueTypeInvalid",
])
const unchecked =
  "some validation rules were not checked because the object was invalid; correct the existing errors to complete validation"

function contentOf(object: KubeObject, hasStatus: boolean): Fields {
  const { apiVersion: _a, kind: _k, metadata: _m, ...rest } = object as KubeObject & Fields
  if (hasStatus) delete rest["status"]
  return rest
}

function setGeneration(draft: KubeObject, generation: number | undefined): void {
  const { generation: _old, ...metadata } = draft.metadata
  draft.metadata = generation === undefined ? metadata : { ...metadata, generation }
}

/** What is particular to one version of a custom resource. `fieldNames` are the selectable fields of all versions. */
export function customBehaviour(definition: Definition, version: Version): KindBehaviour {
  const schema = schemaOf(version)
  const hasStatus = version.subresources?.status !== undefined
  const rules = newRuleTree(schema, true)
  const validate = (next: KubeObject, previous: KubeObject | undefined): FieldError[] => {
    const errors = validateStructural(schema, next, previous)
    if (!rules) return errors
    // Rules count on what the schema asks for.
    if (errors.some(({ type }) => blocking.has(type))) errors.push(fieldError.invalid("<nil>", "null", unchecked))
    else errors.push(...validateRules(rules, next, previous))
    return errors
  }
  const { scale } = version.subresources ?? {}
  const warning = deprecationOf(definition, version)
  return {
    default: (draft) => applyDefaults(schema, draft),
    prepareForCreate(draft) {
      if (hasStatus) delete (draft as KubeObject & Fields)["status"]
      setGeneration(draft, 1)
    },
    prepareForUpdate(draft, previous) {
      if (hasStatus) {
        const { status } = previous as KubeObject & Fields
        if (status === undefined) delete (draft as KubeObject & Fields)["status"]
        else (draft as KubeObject & Fields)["status"] = status
      }
      const isSame = semanticEqual(contentOf(draft, hasStatus), contentOf(previous, hasStatus))
      const generation = previous.metadata.generation
      setGeneration(draft, isSame ? generation : (generation ?? 0) + 1)
    },
    prepareForStatusUpdate(draft, previous) {
      const { status } = draft as KubeObject & Fields
      const { managedFields, resourceVersion } = draft.metadata
      const metadata = { ...previous.metadata }
      if (managedFields) metadata.managedFields = managedFields
      else delete metadata.managedFields
      if (resourceVersion) metadata.resourceVersion = resourceVersion
      for (const key of Object.keys(draft)) delete (draft as KubeObject & Fields)[key]
      Object.assign(draft, previous, { metadata }, status === undefined ? {} : { status })
      if (status === undefined) delete (draft as KubeObject & Fields)["status"]
    },
    validate,
    validateStatus: validate,
    columns: customColumns(version.additionalPrinterColumns),
    allowUnconditionalUpdate: false,
    ...(warning ? { warnings: () => [warning] } : {}),
    ...(scale ? { scale: scaleAccess(scale) } : {}),
    ...selectionOf(definition, version),
  }
}

/** What a selector may name: of the stored version all that any version selects by, of a version its own. */
function selectionOf(
  definition: Definition,
  version: Version,
): Pick<KindBehaviour, "selectableFields" | "fieldLabels"> {
  const pathsOf = (one: Version): string[] => (one.selectableFields ?? []).map(({ jsonPath }) => jsonPath)
  const all = new Set((definition.spec?.versions ?? []).flatMap(pathsOf))
  if (all.size === 0) return {}
  const fields = [...all].map((path) => [path.replace(/^\./, ""), compileJsonPath(path)] as const)
  const own = pathsOf(version).map((path) => path.replace(/^\./, ""))
  return {
    selectableFields: (object) =>
      Object.fromEntries(fields.map(([path, find]) => [path, String(find?.(object)[0] ?? "")])),
    fieldLabels: Object.fromEntries(own.map((path) => [path, path])),
  }
}

/** What those who use a deprecated version are told. */
function deprecationOf({ spec }: Definition, version: Version): string | undefined {
  if (!version.deprecated || !spec) return undefined
  return version.deprecationWarning ?? `${spec.group}/${version.name} ${spec.names.kind} is deprecated`
}
