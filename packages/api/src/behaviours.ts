import type { KubeObject } from "@ladya/apimachinery"
import {
  mutatingAdmissionPolicy,
  mutatingAdmissionPolicyBinding,
  mutatingWebhookConfiguration,
  validatingAdmissionPolicy,
  validatingAdmissionPolicyBinding,
  validatingWebhookConfiguration,
} from "./admissionregistration/v1/index.ts"
import { customResourceDefinition } from "./apiextensions/v1/index.ts"
import { apiService } from "./apiregistration/v1/index.ts"
import { controllerRevision } from "./apps/v1/controllerrevision/index.ts"
import { daemonSet } from "./apps/v1/daemonset/index.ts"
import { deployment } from "./apps/v1/deployment/index.ts"
import { replicaSet } from "./apps/v1/replicaset/index.ts"
import { statefulSet } from "./apps/v1/statefulset/index.ts"
import { horizontalPodAutoscaler, horizontalPodAutoscalerV1 } from "./autoscaling/v2/index.ts"
import { cronJob } from "./batch/v1/cronjob/index.ts"
import { job } from "./batch/v1/job/index.ts"
import { certificateSigningRequest } from "./certificates/v1/index.ts"
import { clusterTrustBundle, podCertificateRequest } from "./certificates/v1beta1/index.ts"
import { lease } from "./coordination/v1/lease/index.ts"
import { leaseCandidate } from "./coordination/v1beta1/leasecandidate/index.ts"
import { componentStatus } from "./core/v1/componentstatus/index.ts"
import { configMap } from "./core/v1/configmap/index.ts"
import { endpoints } from "./core/v1/endpoints/index.ts"
import { coreEvent, event } from "./core/v1/event/index.ts"
import { limitRange } from "./core/v1/limitrange/index.ts"
import { namespace } from "./core/v1/namespace/index.ts"
import { node } from "./core/v1/node/index.ts"
import { persistentVolume } from "./core/v1/persistentvolume/index.ts"
import { persistentVolumeClaim } from "./core/v1/persistentvolumeclaim/index.ts"
import { pod } from "./core/v1/pod/index.ts"
import { podTemplate } from "./core/v1/podtemplate/index.ts"
import { replicationController } from "./core/v1/replicationcontroller/index.ts"
import { resourceQuota } from "./core/v1/resourcequota/index.ts"
import { secret } from "./core/v1/secret/index.ts"
import { service } from "./core/v1/service/index.ts"
import { serviceAccount } from "./core/v1/serviceaccount/index.ts"
import { endpointSlice } from "./discovery/v1/endpointslice/index.ts"
import { flowSchema, priorityLevelConfiguration } from "./flowcontrol/v1/index.ts"
import type { KindBehaviour } from "./kind.ts"
import { ipAddress, serviceCidr } from "./networking/v1/addresses.ts"
import { ingress, ingressClass } from "./networking/v1/ingress/index.ts"
import { networkPolicy } from "./networking/v1/networkpolicy/index.ts"
import { runtimeClass } from "./node/v1/index.ts"
import { podDisruptionBudget } from "./policy/v1/index.ts"
import { clusterRole, role } from "./rbac/v1/role/index.ts"
import { clusterRoleBinding, roleBinding } from "./rbac/v1/rolebinding/index.ts"
import {
  deviceClass,
  deviceTaintRule,
  resourceClaim,
  resourceClaimTemplate,
  resourcePoolStatusRequest,
  resourceSlice,
} from "./resource/v1/index.ts"
import { resourceClaimTemplateV1beta1, resourceClaimV1beta1, resourceSliceV1beta1 } from "./resource/v1beta1.ts"
import { priorityClass } from "./scheduling/v1/index.ts"
import { podGroup, workload } from "./scheduling/v1alpha2/index.ts"
import { csiStorageCapacity, volumeAttributesClass } from "./storage/v1/attributes.ts"
import { csiDriver, csiNode, storageClass, volumeAttachment } from "./storage/v1/index.ts"
import { storageVersionMigration } from "./storagemigration/v1beta1/index.ts"

// A behaviour is only ever called with objects of its kind: the registry puts them together.
const of = <T extends KubeObject>(behaviour: KindBehaviour<T>): KindBehaviour => behaviour as unknown as KindBehaviour

/**
 * The behaviour of every kind that has one of its own, by `group/version/Kind`. Kinds that are not here are generic:
 * nothing is defaulted, only metadata is validated, Name and Age are printed.
 */
export const behaviours: Readonly<Record<string, KindBehaviour>> = {
  "/v1/ConfigMap": of(configMap),
  "/v1/Endpoints": of(endpoints),
  "/v1/ComponentStatus": of(componentStatus),
  "/v1/Event": of(coreEvent),
  "/v1/LimitRange": of(limitRange),
  "/v1/Namespace": of(namespace),
  "/v1/Node": of(node),
  "/v1/PersistentVolume": of(persistentVolume),
  "/v1/PersistentVolumeClaim": of(persistentVolumeClaim),
  "/v1/Pod": of(pod),
  "/v1/PodTemplate": of(podTemplate),
  "/v1/ReplicationController": of(replicationController),
  "/v1/ResourceQuota": of(resourceQuota),
  "/v1/Secret": of(secret),
  "/v1/Service": of(service),
  "/v1/ServiceAccount": of(serviceAccount),
  "admissionregistration.k8s.io/v1/MutatingWebhookConfiguration": of(mutatingWebhookConfiguration),
  "admissionregistration.k8s.io/v1/MutatingAdmissionPolicy": of(mutatingAdmissionPolicy),
  "admissionregistration.k8s.io/v1/MutatingAdmissionPolicyBinding": of(mutatingAdmissionPolicyBinding),
  "admissionregistration.k8s.io/v1beta1/MutatingAdmissionPolicy": of(mutatingAdmissionPolicy),
  "admissionregistration.k8s.io/v1beta1/MutatingAdmissionPolicyBinding": of(mutatingAdmissionPolicyBinding),
  "admissionregistration.k8s.io/v1alpha1/MutatingAdmissionPolicy": of(mutatingAdmissionPolicy),
  "admissionregistration.k8s.io/v1alpha1/MutatingAdmissionPolicyBinding": of(mutatingAdmissionPolicyBinding),
  "admissionregistration.k8s.io/v1/ValidatingAdmissionPolicy": of(validatingAdmissionPolicy),
  "admissionregistration.k8s.io/v1/ValidatingAdmissionPolicyBinding": of(validatingAdmissionPolicyBinding),
  "admissionregistration.k8s.io/v1/ValidatingWebhookConfiguration": of(validatingWebhookConfiguration),
  "apiextensions.k8s.io/v1/CustomResourceDefinition": of(customResourceDefinition),
  "apiregistration.k8s.io/v1/APIService": of(apiService),
  "apps/v1/ControllerRevision": of(controllerRevision),
  "apps/v1/DaemonSet": of(daemonSet),
  "apps/v1/Deployment": of(deployment),
  "apps/v1/ReplicaSet": of(replicaSet),
  "apps/v1/StatefulSet": of(statefulSet),
  "autoscaling/v1/HorizontalPodAutoscaler": of(horizontalPodAutoscalerV1),
  "autoscaling/v2/HorizontalPodAutoscaler": of(horizontalPodAutoscaler),
  "batch/v1/CronJob": of(cronJob),
  "batch/v1/Job": of(job),
  "certificates.k8s.io/v1/CertificateSigningRequest": of(certificateSigningRequest),
  "certificates.k8s.io/v1alpha1/ClusterTrustBundle": of(clusterTrustBundle),
  "certificates.k8s.io/v1beta1/ClusterTrustBundle": of(clusterTrustBundle),
  "certificates.k8s.io/v1beta1/PodCertificateRequest": of(podCertificateRequest),
  "coordination.k8s.io/v1/Lease": of(lease),
  "coordination.k8s.io/v1alpha2/LeaseCandidate": of(leaseCandidate),
  "coordination.k8s.io/v1beta1/LeaseCandidate": of(leaseCandidate),
  "discovery.k8s.io/v1/EndpointSlice": of(endpointSlice),
  "events.k8s.io/v1/Event": of(event),
  "flowcontrol.apiserver.k8s.io/v1/FlowSchema": of(flowSchema),
  "flowcontrol.apiserver.k8s.io/v1/PriorityLevelConfiguration": of(priorityLevelConfiguration),
  "networking.k8s.io/v1/IPAddress": of(ipAddress),
  "networking.k8s.io/v1/Ingress": of(ingress),
  "networking.k8s.io/v1/IngressClass": of(ingressClass),
  "networking.k8s.io/v1/NetworkPolicy": of(networkPolicy),
  "networking.k8s.io/v1/ServiceCIDR": of(serviceCidr),
  "networking.k8s.io/v1beta1/IPAddress": of(ipAddress),
  "networking.k8s.io/v1beta1/ServiceCIDR": of(serviceCidr),
  "node.k8s.io/v1/RuntimeClass": of(runtimeClass),
  "policy/v1/PodDisruptionBudget": of(podDisruptionBudget),
  "rbac.authorization.k8s.io/v1/ClusterRole": of(clusterRole),
  "rbac.authorization.k8s.io/v1/ClusterRoleBinding": of(clusterRoleBinding),
  "rbac.authorization.k8s.io/v1/Role": of(role),
  "rbac.authorization.k8s.io/v1/RoleBinding": of(roleBinding),
  "resource.k8s.io/v1/DeviceClass": of(deviceClass),
  "resource.k8s.io/v1/ResourceClaim": of(resourceClaim),
  "resource.k8s.io/v1/ResourceClaimTemplate": of(resourceClaimTemplate),
  "resource.k8s.io/v1/ResourceSlice": of(resourceSlice),
  "resource.k8s.io/v1alpha3/DeviceTaintRule": of(deviceTaintRule),
  "resource.k8s.io/v1alpha3/ResourcePoolStatusRequest": of(resourcePoolStatusRequest),
  "resource.k8s.io/v1beta1/DeviceClass": of(deviceClass),
  "resource.k8s.io/v1beta1/ResourceClaim": of(resourceClaimV1beta1),
  "resource.k8s.io/v1beta1/ResourceClaimTemplate": of(resourceClaimTemplateV1beta1),
  "resource.k8s.io/v1beta1/ResourceSlice": of(resourceSliceV1beta1),
  "resource.k8s.io/v1beta2/DeviceClass": of(deviceClass),
  "resource.k8s.io/v1beta2/DeviceTaintRule": of(deviceTaintRule),
  "resource.k8s.io/v1beta2/ResourceClaim": of(resourceClaim),
  "resource.k8s.io/v1beta2/ResourceClaimTemplate": of(resourceClaimTemplate),
  "resource.k8s.io/v1beta2/ResourceSlice": of(resourceSlice),
  "scheduling.k8s.io/v1/PriorityClass": of(priorityClass),
  "scheduling.k8s.io/v1alpha2/PodGroup": of(podGroup),
  "scheduling.k8s.io/v1alpha2/Workload": of(workload),
  "storage.k8s.io/v1/CSIDriver": of(csiDriver),
  "storage.k8s.io/v1/CSINode": of(csiNode),
  "storage.k8s.io/v1/CSIStorageCapacity": of(csiStorageCapacity),
  "storage.k8s.io/v1/StorageClass": of(storageClass),
  "storage.k8s.io/v1/VolumeAttachment": of(volumeAttachment),
  "storage.k8s.io/v1/VolumeAttributesClass": of(volumeAttributesClass),
  "storage.k8s.io/v1beta1/VolumeAttributesClass": of(volumeAttributesClass),
  "storagemigration.k8s.io/v1beta1/StorageVersionMigration": of(storageVersionMigration),
}
