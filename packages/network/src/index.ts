export { removeNetwork } from "./kernel.ts"
export { type NetworkDeps, newNetwork } from "./network.ts"
