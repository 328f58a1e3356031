import {
  type apiextensionsv1,
  type KindBehaviour,
  type KindDefinition,
  type ScaleAccess,
  schemaSource,
} from "@ladya/api"
import {
  apiVersionOf,
  applyDefaults,
  compileJsonPath,
  deepCopy,
  fieldTypeOf,
  type JsonSchemaProps,
  type KubeObject,
  semanticEqual,
  structuralDecoder,
  structuralFieldType,
  typeDecoder,
  validateStructural,
} from "@ladya/apimachinery"
import { customColumns } from "./columns.ts"

type Definition = apiextensionsv1.CustomResourceDefinition
type Version = apiextensionsv1.CustomResourceDefinitionVersion
type Fields = Record<string, unknown>

const metaType = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
const verbs = ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"]
const viewVerbs = ["get", "patch", "update"]

/** The schema of a version. */
export function schemaOf(version: Version): JsonSchemaProps {
  return (version.schema?.openAPIV3Schema ?? { type: "object" }) as JsonSchemaProps
}

/** `com.example.v1.Thing`: the name that API documents give the type. */
export function typeNameOf(definition: Definition, version: string): string {
  const group = definition.spec?.group.split(".").reverse().join(".") ?? ""
  return `${group}.${version}.${definition.spec?.names.kind ?? ""}`
}

/** v2 before v1 before v1beta1 before v1alpha1, other names behind and by the alphabet. */
export function compareVersions(a: string, b: string): number {
  const rank = (text: string): readonly number[] => {
    const match = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(text)
    if (!match) return [0, 0, 0]
    const stage = match[2] === "alpha" ? 1 : match[2] === "beta" ? 2 : 3
    return [stage, Number(match[1]), Number(match[3] ?? 0)]
  }
  const left = rank(a)
  const right = rank(b)
  for (const [at, value] of left.entries()) {
    const other = right[at] ?? 0
    if (value !== other) return other - value
  }
  return a < b ? -1 : a > b ? 1 : 0
}

/** The served kinds of a definition, the preferred version first, and the stored one, served or not. */
export function customKinds(definition: Definition): { served: KindDefinition[]; stored: KindDefinition } | undefined {
  const { spec } = definition
  const storage = spec?.versions.find((version) => version.storage)
  if (!spec || !storage) return undefined
  const stored = customKind(definition, storage, storage.name)
  const served = spec.versions
    .filter((version) => version.served)
    .sort((a, b) => compareVersions(a.name, b.name))
    .map((version) => (version === storage ? stored : customKind(definition, version, storage.name)))
  return { served, stored }
}

function customKind(definition: Definition, version: Version, storedVersion: string): KindDefinition {
  const { group, names, scope } = definition.spec as apiextensionsv1.CustomResourceDefinitionSpec
  const { kind, plural: resource } = names
  const schema = schemaOf(version)
  const own = { group, version: version.name, kind }
  const storage = { group, version: storedVersion, kind, resource }
  const { subresources } = version
  const scaleKind = { group: "autoscaling", version: "v1", kind: "Scale" }
  const inVersion = (object: KubeObject, apiVersion: string): KubeObject =>
    object.apiVersion === apiVersion ? object : { ...object, apiVersion }
  return Object.freeze({
    ...own,
    resource,
    singular: names.singular ?? kind.toLowerCase(),
    namespaced: scope === "Namespaced",
    shortNames: names.shortNames ?? [],
    categories: names.categories ?? [],
    verbs,
    type: typeNameOf(definition, version.name),
    subresources: [
      ...(subresources?.status ? [{ name: "status", kind: own, verbs: viewVerbs }] : []),
      ...(subresources?.scale ? [{ name: "scale", kind: scaleKind, verbs: viewVerbs }] : []),
    ],
    storage,
    toStorage: (object: KubeObject) => inVersion(object, apiVersionOf(storage)),
    fromStorage: (object: KubeObject) => inVersion(object, apiVersionOf(own)),
    behaviour: customBehaviour(version, schema),
    custom: {
      decode: structuralDecoder(schema, typeDecoder(metaType, schemaSource)),
      fieldType: structuralFieldType(schema, fieldTypeOf(metaType, schemaSource)),
    },
  })
}

function contentOf(object: KubeObject, hasStatus: boolean): Fields {
  const { apiVersion: _a, kind: _k, metadata: _m, ...rest } = object as KubeObject & Fields
  if (hasStatus) delete rest["status"]
  return rest
}

function setGeneration(draft: KubeObject, generation: number | undefined): void {
  const { generation: _old, ...metadata } = draft.metadata
  draft.metadata = generation === undefined ? metadata : { ...metadata, generation }
}

function customBehaviour(version: Version, schema: JsonSchemaProps): KindBehaviour {
  const hasStatus = version.subresources?.status !== undefined
  const validate = (next: KubeObject) => validateStructural(schema, next)
  const { scale } = version.subresources ?? {}
  const selectable = (version.selectableFields ?? []).map(
    ({ jsonPath }) => [jsonPath.replace(/^\./, ""), compileJsonPath(jsonPath)] as const,
  )
  const warning = version.deprecated ? version.deprecationWarning : undefined
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
    ...(selectable.length > 0
      ? {
          selectableFields: (object: KubeObject) =>
            Object.fromEntries(selectable.map(([path, find]) => [path, String(find?.(object)[0] ?? "")])),
        }
      : {}),
  }
}

function scaleAccess(scale: apiextensionsv1.CustomResourceSubresourceScale): ScaleAccess {
  const at = (path: string | undefined, object: KubeObject): unknown =>
    path ? compileJsonPath(path)?.(object)[0] : undefined
  const number = (value: unknown): number => (typeof value === "number" ? value : 0)
  return {
    read(object) {
      const selector = at(scale.labelSelectorPath, object)
      return {
        specReplicas: number(at(scale.specReplicasPath, object)),
        statusReplicas: number(at(scale.statusReplicasPath, object)),
        selector: typeof selector === "string" ? selector : "",
      }
    },
    write(draft, replicas) {
      const names = scale.specReplicasPath.replace(/^\./, "").split(".")
      const last = names.pop() ?? ""
      let place = draft as unknown as Fields
      for (const name of names) {
        const inner = place[name]
        place[name] = typeof inner === "object" && inner !== null ? deepCopy(inner) : {}
        place = place[name] as Fields
      }
      place[last] = replicas
    },
  }
}
