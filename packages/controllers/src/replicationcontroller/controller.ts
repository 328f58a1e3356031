import { type corev1, refs } from "@ladya/api"
import { nothingSelector, selectorFromMap } from "@ladya/apimachinery"
import type { ControllerDefinition } from "../context.ts"
import { newReplicaController, type ReplicaKind } from "../replicaset/replica-controller.ts"

const kind: ReplicaKind<corev1.ReplicationController> = {
  name: "replicationcontroller",
  ref: refs.replicationcontrollers,
  // An empty selector must never take up every pod of a namespace.
  selector: (owner) => {
    const labels = owner.spec?.selector ?? {}
    return Object.keys(labels).length === 0 ? nothingSelector : selectorFromMap(labels)
  },
  spec: (owner) => ({
    replicas: owner.spec?.replicas ?? 1,
    minReadySeconds: owner.spec?.minReadySeconds ?? 0,
    template: owner.spec?.template,
  }),
  related: (owner) => [owner],
}

export const replicationControllerController: ControllerDefinition = {
  name: "replication",
  account: "replication-controller",
  eventSource: "replication-controller",
  create: (context) => newReplicaController(kind, context),
}
