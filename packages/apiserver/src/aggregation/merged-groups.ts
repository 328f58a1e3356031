import type { KindDefinition } from "@ladya/api"
import { compareVersions } from "../custom-resources/kinds.ts"
import { type DiscoveryGroup, type DiscoveryVersion, discoveryGroups } from "../discovery/groups.ts"
import type { APIService, RemoteService } from "./api-services.ts"
import { builtInPriority, type Priority } from "./priorities.ts"
import type { RemoteDiscovery } from "./remote-discovery.ts"

export interface MergeInput {
  kinds: readonly KindDefinition[]
  /** The APIService of a name. */
  find(name: string): APIService | undefined
  remotes: readonly RemoteService[]
  discoveryOf(remote: RemoteService): RemoteDiscovery
}

/** All groups, those of other servers among them, in the order that APIServices give them. */
export function mergedGroups({ kinds, find, remotes, discoveryOf }: MergeInput): DiscoveryGroup[] {
  const groups = new Map<string, DiscoveryVersion[]>()
  const remote = new Map(remotes.map((entry) => [`${entry.group}/${entry.version}`, entry]))
  for (const { name, versions } of discoveryGroups(kinds)) {
    const own = versions.filter(({ version }) => !remote.has(`${name}/${version}`))
    if (own.length > 0) groups.set(name, own)
  }
  for (const entry of remotes) {
    const versions = groups.get(entry.group) ?? []
    groups.set(entry.group, [...versions, { version: entry.version, kinds: [], remote: discoveryOf(entry) }])
  }
  const priorityOf = (group: string, version: string): Priority => {
    const spec = find(`${version}.${group}`)?.spec
    return spec ? { group: spec.groupPriorityMinimum, version: spec.versionPriority } : builtInPriority(group, version)
  }
  const ordered = [...groups].map(([name, versions]) => {
    const ranked = versions.map((version) => ({ version, priority: priorityOf(name, version.version) }))
    ranked.sort(
      (a, b) => b.priority.version - a.priority.version || compareVersions(a.version.version, b.version.version),
    )
    return {
      group: { name, versions: ranked.map(({ version }) => version) },
      priority: Math.max(...ranked.map(({ priority }) => priority.group)),
    }
  })
  ordered.sort((a, b) => b.priority - a.priority || (a.group.name < b.group.name ? -1 : 1))
  return ordered.map(({ group }) => group)
}
