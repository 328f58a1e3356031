export type * from "./client.ts"
export { CriError, type GrpcCode, isCriError } from "./error.ts"
export { type CriClientOptions, newCriClient } from "./new-cri-client.ts"
export type * from "./types.ts"
