export * from "./images.ts"
export * from "./node-selectors.ts"
export * from "./pods.ts"
export * from "./tolerations.ts"
