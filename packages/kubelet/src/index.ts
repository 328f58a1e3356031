export type * from "./images/types.ts"
export type * from "./node/types.ts"
export type * from "./server/types.ts"
export * from "./volumes/index.ts"
