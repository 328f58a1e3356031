export { type ControllersConfig, controllersConfig, type ServiceAccountTokenSigner } from "./config.ts"
export type { ControllerContext, ControllerDefinition } from "./context.ts"
export { controllers } from "./list.ts"
export { type ControllersOptions, newControllers } from "./new-controllers.ts"
