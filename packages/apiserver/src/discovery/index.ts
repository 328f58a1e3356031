export { type DiscoveryDeps, isDiscoveryPath, newDiscoveryHandler } from "./handler.ts"
