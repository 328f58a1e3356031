export { type DiscoveryGroup, discoveryGroups, discoveryPaths } from "./groups.ts"
export { type DiscoveryDeps, isDiscoveryPath, newDiscoveryHandler } from "./handler.ts"
