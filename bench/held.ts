export { runHeld as run } from "./scheduler.ts"
