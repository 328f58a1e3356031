import { type appsv1, refs } from "@ladya/api"
import { compileLabelSelector, controllerOf } from "@ladya/apimachinery"
import type { ControllerDefinition } from "../context.ts"
import { byController, ownedInformer } from "../shared/indexes.ts"
import { newReplicaController, type ReplicaKind } from "./replica-controller.ts"

const kind: ReplicaKind<appsv1.ReplicaSet> = {
  name: "replicaset",
  ref: refs.replicasets,
  selector: (owner) => compileLabelSelector(owner.spec?.selector),
  spec: (owner) => ({
    replicas: owner.spec?.replicas ?? 1,
    minReadySeconds: owner.spec?.minReadySeconds ?? 0,
    template: owner.spec?.template,
  }),
  /** All ReplicaSets of one Deployment. */
  related: (owner, owners) => {
    const deployment = controllerOf(owner)?.uid
    return deployment ? owners.byIndex(byController, deployment) : [owner]
  },
}

export const replicaSetController: ControllerDefinition = {
  name: "replicaset",
  account: "replicaset-controller",
  create: (context) => {
    ownedInformer(context.informers, refs.replicasets)
    return newReplicaController(kind, context)
  },
}
