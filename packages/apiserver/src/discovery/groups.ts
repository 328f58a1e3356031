import type { KindDefinition } from "@ladya/api"

/** One version of an API group, with its resources in the order they are shown. */
export interface DiscoveryVersion {
  readonly version: string
  readonly kinds: readonly KindDefinition[]
  /** Served by another server: entries of aggregated discovery, and whether they may be old. */
  readonly remote?: { readonly resources: readonly unknown[]; readonly freshness: "Current" | "Stale" }
}

/** An API group. The core group has the empty name. The first version is the preferred one. */
export interface DiscoveryGroup {
  readonly name: string
  readonly versions: readonly DiscoveryVersion[]
}

/** Puts the kinds into groups and versions, in the order of the registry. */
export function discoveryGroups(kinds: readonly KindDefinition[]): DiscoveryGroup[] {
  const groups = new Map<string, Map<string, KindDefinition[]>>()
  for (const kind of kinds) {
    const versions = groups.get(kind.group) ?? new Map<string, KindDefinition[]>()
    groups.set(kind.group, versions)
    const list = versions.get(kind.version)
    if (list) list.push(kind)
    else versions.set(kind.version, [kind])
  }
  return [...groups].map(([name, versions]) => ({
    name,
    versions: [...versions].map(([version, list]) => ({ version, kinds: list })),
  }))
}

/** The paths of the groups' and versions' documents, as `/` lists them. */
export function discoveryPaths(groups: readonly DiscoveryGroup[]): string[] {
  return groups.flatMap(({ name, versions }) => {
    const root = name ? `/apis/${name}` : "/api"
    return [root, ...versions.map(({ version }) => `${root}/${version}`)]
  })
}
