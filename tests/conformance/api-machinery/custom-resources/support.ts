import { type apiextensionsv1, refs } from "@ladya/api"
import { isConditionTrue, isStatus, type KubeObject, type ResourceRef } from "@ladya/apimachinery"
import type { ConformanceContext } from "../../support/context.ts"

export type Definition = apiextensionsv1.CustomResourceDefinition
export type Version = apiextensionsv1.CustomResourceDefinitionVersion
/** A custom object, whatever it holds. */
export type Custom = KubeObject & Record<string, unknown>

export const definitions = refs.customresourcedefinitions
const openSchema = { type: "object", "x-kubernetes-preserve-unknown-fields": true }

export const versionOf = (name: string, schema: object = openSchema, more: Partial<Version> = {}): Version => ({
  name,
  served: true,
  storage: false,
  schema: { openAPIV3Schema: schema as never },
  ...more,
})

export interface DefinitionOptions {
  group?: string
  /** Of the names; one is made up. */
  base?: string
  labels?: Record<string, string>
}

/** A definition of a namespaced resource with names nobody else has; the first version is the stored one. */
export function definitionOf(
  t: ConformanceContext,
  versions: readonly Version[],
  options: DefinitionOptions = {},
): Definition {
  const base = options.base ?? t.unique("thing").replaceAll("-", "")
  const group = options.group ?? `${t.unique("group")}.example.com`
  const kind = base.charAt(0).toUpperCase() + base.slice(1)
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${base}s.${group}`, ...(options.labels ? { labels: options.labels } : {}) },
    spec: {
      group,
      scope: "Namespaced",
      names: { plural: `${base}s`, singular: base, kind, listKind: `${kind}List` },
      versions: versions.map((version, index) => ({ ...version, storage: index === 0 })),
    },
  }
}

/** What a client needs to know of a version. */
export function refOf({ spec }: Definition, version: string): ResourceRef<Custom> {
  return {
    group: spec.group,
    version,
    resource: spec.names.plural,
    kind: spec.names.kind,
    namespaced: true,
  } as ResourceRef<Custom>
}

export const customObject = ({ spec }: Definition, version: string, name: string, fields: object = {}): Custom =>
  ({
    apiVersion: `${spec.group}/${version}`,
    kind: spec.names.kind,
    metadata: { name },
    ...fields,
  }) as Custom

/** Makes a definition, removed after the test, and waits until all it serves is served. */
export async function define(t: ConformanceContext, definition: Definition): Promise<Definition> {
  const name = definition.metadata.name ?? ""
  t.defer(() => t.client.resource(definitions).delete(name))
  await t.client.resource(definitions).create(definition)
  return await t.until(`the definition ${name} to be established`, async () => {
    const found = await t.client.resource(definitions).get(name)
    if (!isConditionTrue(found.status?.conditions, "Established")) return undefined
    for (const version of definition.spec.versions) {
      if (version.served && !(await isServed(t, definition, version.name))) return undefined
    }
    return found
  })
}

async function isServed(t: ConformanceContext, definition: Definition, version: string): Promise<boolean> {
  try {
    await t.client.resource(refOf(definition, version)).list()
    return true
  } catch (error) {
    if (isStatus(error, "NotFound")) return false
    throw error
  }
}

/** Changes a definition as it stands, again after a conflict. */
export async function redefine(
  t: ConformanceContext,
  name: string,
  change: (definition: Definition) => void,
): Promise<Definition> {
  return await t.until(`the definition ${name} to be changed`, async () => {
    const draft = structuredClone(await t.client.resource(definitions).get(name))
    change(draft)
    try {
      return await t.client.resource(definitions).update(draft)
    } catch (error) {
      if (isStatus(error, "Conflict")) return undefined
      throw error
    }
  })
}

export const inNamespace = (object: Custom, namespace: string): Custom => ({
  ...object,
  metadata: { ...object.metadata, namespace },
})
