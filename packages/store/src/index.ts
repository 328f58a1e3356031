export { type MemoryStoreDeps, newMemoryStore } from "./memory-store.ts"
export { StoreDamagedError } from "./sqlite/errors.ts"
export { newSqliteStore, type SqliteStoreDeps } from "./sqlite/sqlite-store.ts"
export * from "./store.ts"
