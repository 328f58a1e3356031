import { createHash } from "node:crypto"
import type { KindDefinition } from "@ladya/api"
import { apiVersionOf } from "@ladya/apimachinery"
import type { DiscoveryGroup, DiscoveryVersion } from "./groups.ts"

/** Tells the versions in which objects are kept apart: part of a SHA-256 of group, version and kind. */
export function storageVersionHash(kind: KindDefinition): string | undefined {
  if (!kind.verbs.includes("get") || !kind.verbs.includes("create")) return undefined
  const { group, version, kind: name } = kind.storage
  return createHash("sha256").update(`${group}/${version}/${name}`).digest().subarray(0, 8).toString("base64")
}

/** Group and version of a kind, where they are not those of the list it stands in. */
function foreign(of: { group: string; version: string }, list: KindDefinition): { group?: string; version?: string } {
  return of.group === list.group && of.version === list.version ? {} : { group: of.group, version: of.version }
}

function resourceEntries(kind: KindDefinition): object[] {
  const hash = storageVersionHash(kind)
  const own = {
    name: kind.resource,
    singularName: kind.singular,
    namespaced: kind.namespaced,
    kind: kind.kind,
    verbs: kind.verbs,
    ...(kind.shortNames.length > 0 ? { shortNames: kind.shortNames } : {}),
    ...(kind.categories.length > 0 ? { categories: kind.categories } : {}),
    ...(hash ? { storageVersionHash: hash } : {}),
  }
  const subresources = kind.subresources.map((sub) => ({
    name: `${kind.resource}/${sub.name}`,
    singularName: "",
    namespaced: kind.namespaced,
    ...foreign(sub.kind, kind),
    kind: sub.kind.kind,
    verbs: sub.verbs,
  }))
  return [own, ...subresources]
}

/** `/api/v1`, `/apis/<group>/<version>`. */
export function apiResourceList(group: string, version: DiscoveryVersion): object {
  return {
    kind: "APIResourceList",
    apiVersion: "v1",
    groupVersion: apiVersionOf({ group, version: version.version }),
    resources: version.kinds.flatMap(resourceEntries),
  }
}

function groupBody(group: DiscoveryGroup): object {
  const versions = group.versions.map(({ version }) => ({
    groupVersion: apiVersionOf({ group: group.name, version }),
    version,
  }))
  return { name: group.name, versions, preferredVersion: versions[0] }
}

/** `/apis/<group>`. */
export function apiGroup(group: DiscoveryGroup): object {
  return { kind: "APIGroup", apiVersion: "v1", ...groupBody(group) }
}

/** `/apis`. */
export function apiGroupList(groups: readonly DiscoveryGroup[]): object {
  return { kind: "APIGroupList", apiVersion: "v1", groups: groups.filter((group) => group.name !== "").map(groupBody) }
}

/** `/api`. `serverAddress` is `host:port`. */
export function apiVersions(groups: readonly DiscoveryGroup[], serverAddress: string): object {
  const core = groups.find((group) => group.name === "")
  return {
    kind: "APIVersions",
    versions: core?.versions.map(({ version }) => version) ?? [],
    serverAddressByClientCIDRs: [{ clientCIDR: "0.0.0.0/0", serverAddress }],
  }
}
