export type * from "./images/types.ts"
export * from "./node/index.ts"
export type * from "./server/types.ts"
export * from "./volumes/index.ts"
