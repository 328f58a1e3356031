import { clusterRoleAggregationController } from "./clusterrole-aggregation/controller.ts"
import type { ControllerDefinition } from "./context.ts"
import { cronJobController } from "./cronjob/controller.ts"
import { daemonSetController } from "./daemonset/controller.ts"
import { deploymentController } from "./deployment/controller.ts"
import { disruptionController } from "./disruption/controller.ts"
import { endpointsController } from "./endpoints/controller.ts"
import { endpointSliceController } from "./endpointslice/controller.ts"
import { ephemeralVolumeController } from "./ephemeral-volume/controller.ts"
import { garbageCollector } from "./garbagecollector/controller.ts"
import { horizontalPodAutoscalerController } from "./horizontal-pod-autoscaler/controller.ts"
import { jobController } from "./job/controller.ts"
import { namespaceController } from "./namespace/controller.ts"
import { nodeIpamController } from "./node-ipam/controller.ts"
import { nodeLifecycleController } from "./node-lifecycle/controller.ts"
import { persistentVolumeController } from "./persistentvolume/controller.ts"
import { podGcController } from "./podgc/controller.ts"
import { replicaSetController } from "./replicaset/controller.ts"
import { replicationControllerController } from "./replicationcontroller/controller.ts"
import { resourceClaimController } from "./resourceclaim/controller.ts"
import { resourceQuotaController } from "./resourcequota/controller.ts"
import { rootCaController } from "./rootca/controller.ts"
import { serviceAccountController } from "./serviceaccount/controller.ts"
import { statefulSetController } from "./statefulset/controller.ts"
import {
  attributesClassProtectionController,
  claimProtectionController,
  volumeProtectionController,
} from "./storage-protection/controller.ts"
import { taintEvictionController } from "./taint-eviction/controller.ts"
import { tokensController } from "./tokens/controller.ts"
import { ttlAfterFinishedController } from "./ttl-after-finished/controller.ts"

/** Every controller, in the order of start. What a new node or namespace needs comes first. */
export const controllers: readonly ControllerDefinition[] = [
  clusterRoleAggregationController,
  nodeIpamController,
  serviceAccountController,
  rootCaController,
  tokensController,
  deploymentController,
  replicaSetController,
  replicationControllerController,
  daemonSetController,
  statefulSetController,
  jobController,
  cronJobController,
  ttlAfterFinishedController,
  disruptionController,
  horizontalPodAutoscalerController,
  resourceQuotaController,
  claimProtectionController,
  volumeProtectionController,
  attributesClassProtectionController,
  endpointSliceController,
  endpointsController,
  ephemeralVolumeController,
  persistentVolumeController,
  resourceClaimController,
  nodeLifecycleController,
  taintEvictionController,
  podGcController,
  namespaceController,
  garbageCollector,
]
