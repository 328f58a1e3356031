import type { KindDefinition } from "@ladya/api"
import type { DiscoveryGroup } from "./groups.ts"

interface Gvk {
  group: string
  version: string
  kind: string
}

// Empty group and version say: those of the list.
function responseKind(of: Gvk, kind: KindDefinition): Gvk {
  const isOwn = of.group === kind.group && of.version === kind.version
  return isOwn ? { group: "", version: "", kind: of.kind } : of
}

function resourceEntry(kind: KindDefinition): object {
  return {
    resource: kind.resource,
    responseKind: { group: "", version: "", kind: kind.kind },
    scope: kind.namespaced ? "Namespaced" : "Cluster",
    singularResource: kind.singular,
    verbs: kind.verbs,
    ...(kind.shortNames.length > 0 ? { shortNames: kind.shortNames } : {}),
    ...(kind.categories.length > 0 ? { categories: kind.categories } : {}),
    ...(kind.subresources.length > 0
      ? {
          subresources: kind.subresources.map((sub) => ({
            subresource: sub.name,
            responseKind: responseKind(sub.kind, kind),
            verbs: sub.verbs,
          })),
        }
      : {}),
  }
}

/** Everything that discovery tells, in one document: of the core group for `/api`, of the others for `/apis`. */
export function aggregatedDiscovery(
  groups: readonly DiscoveryGroup[],
  options: { apiVersion: "apidiscovery.k8s.io/v2" | "apidiscovery.k8s.io/v2beta1"; core: boolean },
): object {
  const shown = groups.filter((group) => (group.name === "") === options.core)
  return {
    kind: "APIGroupDiscoveryList",
    apiVersion: options.apiVersion,
    metadata: {},
    items: shown.map((group) => ({
      metadata: group.name ? { name: group.name, creationTimestamp: null } : { creationTimestamp: null },
      versions: group.versions.map(({ version, kinds, remote }) => ({
        version,
        resources: remote?.resources ?? kinds.map(resourceEntry),
        freshness: remote?.freshness ?? "Current",
      })),
    })),
  }
}
