import type { AggregatedDiscovery, Facts } from "./facts.ts"
import { splitTypeName } from "./facts.ts"
import { moduleName } from "./types.ts"

interface GeneratedResource {
  group: string
  version: string
  kind: string
  resource: string
  singular: string
  namespaced: boolean
  shortNames: string[]
  categories: string[]
  verbs: string[]
  /** The schema's type name; absent for what has none. */
  type: string | undefined
  subresources: { name: string; kind: { group: string; version: string; kind: string }; verbs: string[] }[]
}

/** The built-in resources in the order of discovery, the preferred version of each group first. */
export function generateResources(discovery: AggregatedDiscovery, core: unknown, facts: Facts): GeneratedResource[] {
  const typeByGvk = new Map<string, string>()
  for (const [name, type] of Object.entries(facts)) {
    for (const [group, version, kind] of type.gvk ?? []) typeByGvk.set(`${group}/${version}/${kind}`, name)
  }
  const groups = [...coreGroup(core), ...discovery.items]
  const result: GeneratedResource[] = []
  for (const group of groups) {
    const groupName = group.metadata.name ?? ""
    for (const version of group.versions) {
      for (const resource of version.resources) {
        const kind = resource.responseKind.kind
        const gvk = (of: { group: string; version: string; kind: string }) => ({
          group: of.group || of.version ? of.group : groupName,
          version: of.version || version.version,
          kind: of.kind,
        })
        result.push({
          group: groupName,
          version: version.version,
          kind,
          resource: resource.resource,
          singular: resource.singularResource,
          namespaced: resource.scope === "Namespaced",
          shortNames: resource.shortNames ?? [],
          categories: resource.categories ?? [],
          verbs: resource.verbs,
          type: typeByGvk.get(`${groupName}/${version.version}/${kind}`),
          subresources: (resource.subresources ?? []).map((sub) => ({
            name: sub.subresource,
            kind: gvk(sub.responseKind),
            verbs: sub.verbs,
          })),
        })
      }
    }
  }
  return result
}

interface LegacyList {
  resources: {
    name: string
    singularName: string
    namespaced: boolean
    kind: string
    group?: string
    version?: string
    verbs: string[]
    shortNames?: string[]
    categories?: string[]
  }[]
}

// The legacy core group is not part of the aggregated document of /apis: it is read from /api/v1.
function coreGroup(core: unknown): AggregatedDiscovery["items"] {
  const list = core as LegacyList
  const top = list.resources.filter((entry) => !entry.name.includes("/"))
  const subs = list.resources.filter((entry) => entry.name.includes("/"))
  for (const sub of subs) {
    const name = sub.name.split("/")[0] as string
    if (top.some((entry) => entry.name === name)) continue
    throw new Error(`subresource ${sub.name} without its resource`)
  }
  return [
    {
      metadata: { name: "" },
      versions: [
        {
          version: "v1",
          resources: top.map((entry) => ({
            resource: entry.name,
            responseKind: { group: entry.group ?? "", version: entry.version ?? "v1", kind: entry.kind },
            scope: entry.namespaced ? "Namespaced" : "Cluster",
            singularResource: entry.singularName,
            ...(entry.shortNames ? { shortNames: entry.shortNames } : {}),
            ...(entry.categories ? { categories: entry.categories } : {}),
            verbs: entry.verbs,
            subresources: subs
              .filter((sub) => sub.name.startsWith(`${entry.name}/`))
              .map((sub) => ({
                subresource: sub.name.slice(entry.name.length + 1),
                responseKind: { group: sub.group ?? "", version: sub.version ?? "v1", kind: sub.kind },
                verbs: sub.verbs,
              })),
          })),
        },
      ],
    },
  ]
}

/** The module of typed references: `refs.pods`, in the preferred version of each group. */
export function generateRefs(resources: GeneratedResource[]): string {
  const lines: string[] = []
  const modules = new Set<string>()
  const taken = new Set<string>()
  const seen = new Set<string>()
  for (const entry of resources) {
    if (!entry.type || seen.has(`${entry.group}/${entry.resource}`)) continue
    seen.add(`${entry.group}/${entry.resource}`)
    const { pkg, name } = splitTypeName(entry.type)
    const module = moduleName(pkg)
    modules.add(module)
    const key = taken.has(entry.resource)
      ? `${module}${entry.resource[0]?.toUpperCase()}${entry.resource.slice(1)}`
      : entry.resource
    taken.add(key)
    lines.push(
      `  ${key}: { group: "${entry.group}", version: "${entry.version}", resource: "${entry.resource}", kind: "${entry.kind}", namespaced: ${entry.namespaced} } as ResourceRef<${module}.${name}>,`,
    )
  }
  const imports = [...modules].sort().map((module) => `import type * as ${module} from "./types/${module}.ts"`)
  return `// Generated by tools/generate from the facts of the Kubernetes API. Do not edit.
import type { ResourceRef } from "@ladya/apimachinery"
${imports.join("\n")}

/** Typed references to the built-in resources, in the version that discovery prefers. */
export const refs = {
${lines.join("\n")}
} as const
`
}
