import type { KubeObject } from "@ladya/apimachinery"
import { controllerRevision } from "./apps/v1/controllerrevision/index.ts"
import { daemonSet } from "./apps/v1/daemonset/index.ts"
import { deployment } from "./apps/v1/deployment/index.ts"
import { replicaSet } from "./apps/v1/replicaset/index.ts"
import { statefulSet } from "./apps/v1/statefulset/index.ts"
import { lease } from "./coordination/v1/lease/index.ts"
import { configMap } from "./core/v1/configmap/index.ts"
import { endpoints } from "./core/v1/endpoints/index.ts"
import { coreEvent, event } from "./core/v1/event/index.ts"
import { namespace } from "./core/v1/namespace/index.ts"
import { node } from "./core/v1/node/index.ts"
import { pod } from "./core/v1/pod/index.ts"
import { podTemplate } from "./core/v1/podtemplate/index.ts"
import { replicationController } from "./core/v1/replicationcontroller/index.ts"
import { secret } from "./core/v1/secret/index.ts"
import { service } from "./core/v1/service/index.ts"
import { serviceAccount } from "./core/v1/serviceaccount/index.ts"
import { endpointSlice } from "./discovery/v1/endpointslice/index.ts"
import type { KindBehaviour } from "./kind.ts"
import { clusterRole, role } from "./rbac/v1/role/index.ts"
import { clusterRoleBinding, roleBinding } from "./rbac/v1/rolebinding/index.ts"

// A behaviour is only ever called with objects of its kind: the registry puts them together.
const of = <T extends KubeObject>(behaviour: KindBehaviour<T>): KindBehaviour => behaviour as unknown as KindBehaviour

/**
 * The behaviour of every kind that has one of its own, by `group/version/Kind`. Kinds that are not here are generic:
 * nothing is defaulted, only metadata is validated, Name and Age are printed.
 */
export const behaviours: Readonly<Record<string, KindBehaviour>> = {
  "/v1/ConfigMap": of(configMap),
  "/v1/Endpoints": of(endpoints),
  "/v1/Event": of(coreEvent),
  "/v1/Namespace": of(namespace),
  "/v1/Node": of(node),
  "/v1/Pod": of(pod),
  "/v1/PodTemplate": of(podTemplate),
  "/v1/ReplicationController": of(replicationController),
  "/v1/Secret": of(secret),
  "/v1/Service": of(service),
  "/v1/ServiceAccount": of(serviceAccount),
  "apps/v1/ControllerRevision": of(controllerRevision),
  "apps/v1/DaemonSet": of(daemonSet),
  "apps/v1/Deployment": of(deployment),
  "apps/v1/ReplicaSet": of(replicaSet),
  "apps/v1/StatefulSet": of(statefulSet),
  "coordination.k8s.io/v1/Lease": of(lease),
  "discovery.k8s.io/v1/EndpointSlice": of(endpointSlice),
  "events.k8s.io/v1/Event": of(event),
  "rbac.authorization.k8s.io/v1/ClusterRole": of(clusterRole),
  "rbac.authorization.k8s.io/v1/ClusterRoleBinding": of(clusterRoleBinding),
  "rbac.authorization.k8s.io/v1/Role": of(role),
  "rbac.authorization.k8s.io/v1/RoleBinding": of(roleBinding),
}
