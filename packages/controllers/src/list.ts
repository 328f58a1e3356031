import type { ControllerDefinition } from "./context.ts"
import { deploymentController } from "./deployment/controller.ts"
import { replicaSetController } from "./replicaset/controller.ts"
import { replicationControllerController } from "./replicationcontroller/controller.ts"

/** Every controller, in the order of start. */
export const controllers: readonly ControllerDefinition[] = [
  deploymentController,
  replicaSetController,
  replicationControllerController,
]
