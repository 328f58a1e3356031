export { Aggregator } from "./aggregator.ts"
export type { Priority } from "./priorities.ts"
export type { FrontProxyCredentials } from "./service-clients.ts"
