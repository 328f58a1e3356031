import { type apiextensionsv1, type KindDefinition, schemaSource } from "@ladya/api"
import { fieldTypeOf, structuralDecoder, structuralFieldType, typeDecoder } from "@ladya/apimachinery"
import { customBehaviour } from "./behaviour.ts"
import { type ConversionDeps, newConversion } from "./conversion.ts"
import { schemaOf, typeNameOf } from "./schemas.ts"

type Definition = apiextensionsv1.CustomResourceDefinition
type Version = apiextensionsv1.CustomResourceDefinitionVersion

const metaType = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
const verbs = ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"]
const viewVerbs = ["get", "patch", "update"]

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
export function customKinds(
  definition: Definition,
  deps: ConversionDeps,
): { served: KindDefinition[]; stored: KindDefinition } | undefined {
  const { spec } = definition
  const storage = spec?.versions.find((version) => version.storage)
  if (!spec || !storage) return undefined
  const stored = customKind(definition, storage, storage, deps)
  const served = spec.versions
    .filter((version) => version.served)
    .sort((a, b) => compareVersions(a.name, b.name))
    .map((version) => (version === storage ? stored : customKind(definition, version, storage, deps)))
  return { served, stored }
}

function customKind(
  definition: Definition,
  version: Version,
  storageVersion: Version,
  deps: ConversionDeps,
): KindDefinition {
  const { group, names, scope } = definition.spec as apiextensionsv1.CustomResourceDefinitionSpec
  const { kind, plural: resource } = names
  const schema = schemaOf(version)
  const own = { group, version: version.name, kind }
  const storage = { group, version: storageVersion.name, kind, resource }
  const { subresources } = version
  const scaleKind = { group: "autoscaling", version: "v1", kind: "Scale" }
  const { toStorage, fromStorage, revise, convert } = newConversion(definition, version, storageVersion, deps)
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
    toStorage,
    fromStorage,
    behaviour: customBehaviour(definition, version),
    custom: {
      decode: structuralDecoder(schema, typeDecoder(metaType, schemaSource)),
      fieldType: structuralFieldType(schema, fieldTypeOf(metaType, schemaSource)),
      listKind: names.listKind ?? `${kind}List`,
      isTerminating: deps.isTerminating,
      revise,
      ...(convert ? { convert } : {}),
    },
  })
}
