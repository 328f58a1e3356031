export { defaultReserved, type Reserved, type ResourceList } from "./capacity.ts"
export type { Pressure } from "./conditions.ts"
export { type NodeComponent, type NodeConfig, type NodeDeps, newNode } from "./node.ts"
export { kubeletVersion } from "./status.ts"
