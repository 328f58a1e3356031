export { refs } from "./generated/refs.ts"
export type * from "./generated/types/index.ts"
export type * from "./kind.ts"
