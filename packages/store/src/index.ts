export * from "./store.ts"
