/**
 * Facts of the protobuf form that the schemas do not have.
 * Structs that JSON inlines are messages of their own on the wire: their field numbers, by the struct's name.
 */
export const inlinedFields: Readonly<Record<string, readonly string[]>> = {
  // In the order of their numbers, from 1.
  DeviceConfiguration: ["opaque"],
  EphemeralContainerCommon: [
    "name",
    "image",
    "command",
    "args",
    "workingDir",
    "ports",
    "env",
    "resources",
    "volumeMounts",
    "livenessProbe",
    "readinessProbe",
    "lifecycle",
    "terminationMessagePath",
    "imagePullPolicy",
    "securityContext",
    "stdin",
    "stdinOnce",
    "tty",
    "envFrom",
    "terminationMessagePolicy",
    "volumeDevices",
    "startupProbe",
    "resizePolicy",
    "restartPolicy",
    "restartPolicyRules",
  ],
  IngressRuleValue: ["http"],
  LocalObjectReference: ["name"],
  PersistentVolumeSource: [
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "hostPath",
    "glusterfs",
    "nfs",
    "rbd",
    "iscsi",
    "cinder",
    "cephfs",
    "fc",
    "flocker",
    "flexVolume",
    "azureFile",
    "vsphereVolume",
    "quobyte",
    "azureDisk",
    "photonPersistentDisk",
    "portworxVolume",
    "scaleIO",
    "local",
    "storageos",
    "csi",
  ],
  ProbeHandler: ["exec", "httpGet", "tcpSocket", "grpc"],
  Rule: ["apiGroups", "apiVersions", "resources", "scope"],
  VolumeSource: [
    "hostPath",
    "emptyDir",
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "gitRepo",
    "secret",
    "nfs",
    "iscsi",
    "glusterfs",
    "persistentVolumeClaim",
    "rbd",
    "flexVolume",
    "cinder",
    "cephfs",
    "flocker",
    "downwardAPI",
    "fc",
    "azureFile",
    "configMap",
    "vsphereVolume",
    "quobyte",
    "azureDisk",
    "photonPersistentDisk",
    "portworxVolume",
    "scaleIO",
    "projected",
    "storageos",
    "csi",
    "ephemeral",
    "image",
  ],
}

/**
 * Numbers and booleans that Go keeps as values, not as pointers: the wire always has them, and zero means absent.
 * By type name without its package, then field names; `*` stands for every type.
 */
const valueFields: Readonly<Record<string, string>> = {
  "*": "observedGeneration readOnly",
  DaemonSetSpec: "minReadySeconds",
  DaemonSetStatus: "numberAvailable numberUnavailable updatedNumberScheduled",
  DeploymentSpec: "minReadySeconds paused",
  DeploymentStatus: "availableReplicas readyReplicas replicas unavailableReplicas updatedReplicas",
  ReplicaSetSpec: "minReadySeconds",
  ReplicaSetStatus: "availableReplicas fullyLabeledReplicas readyReplicas",
  ReplicationControllerSpec: "minReadySeconds",
  ReplicationControllerStatus: "availableReplicas fullyLabeledReplicas readyReplicas",
  StatefulSetSpec: "minReadySeconds",
  StatefulSetStatus: "currentReplicas readyReplicas updatedReplicas",
  ScaleSpec: "replicas",
  TokenReviewStatus: "authenticated",
  SubjectAccessReviewStatus: "denied",
  HorizontalPodAutoscalerStatus: "currentReplicas",
  JobStatus: "active failed succeeded",
  AWSElasticBlockStoreVolumeSource: "partition",
  GCEPersistentDiskVolumeSource: "partition",
  Container: "stdin stdinOnce tty",
  EphemeralContainer: "stdin stdinOnce tty",
  ContainerImage: "sizeBytes",
  ContainerPort: "hostPort",
  ContainerStateTerminated: "signal",
  Event: "count deprecatedCount",
  EventSeries: "count",
  ISCSIPersistentVolumeSource: "chapAuthDiscovery chapAuthSession",
  ISCSIVolumeSource: "chapAuthDiscovery chapAuthSession",
  NodeSpec: "unschedulable",
  PodSpec: "hostIPC hostNetwork hostPID",
  Probe: "failureThreshold initialDelaySeconds periodSeconds successThreshold timeoutSeconds",
  ScaleIOPersistentVolumeSource: "sslEnabled",
  ScaleIOVolumeSource: "sslEnabled",
  ServicePort: "nodePort",
  ServiceSpec: "healthCheckNodePort publishNotReadyAddresses",
  ResourcePolicyRule: "clusterScope",
  ServiceBackendPort: "number",
  ExactDeviceRequest: "count",
  DeviceSubRequest: "count",
  DeviceRequest: "count",
  PriorityClass: "globalDefault",
  CustomResourceColumnDefinition: "priority",
  CustomResourceDefinitionSpec: "preserveUnknownFields",
  CustomResourceDefinitionVersion: "deprecated",
  JSONSchemaProps:
    "exclusiveMaximum exclusiveMinimum nullable uniqueItems x-kubernetes-embedded-resource x-kubernetes-int-or-string",
  ObjectMeta: "generation",
  Status: "code",
  StatusDetails: "retryAfterSeconds",
  APIServiceSpec: "insecureSkipTLSVerify",
}

/** Texts that Go keeps as pointers, and where the empty one means something. */
const emptyTexts: Readonly<Record<string, string>> = {
  PersistentVolumeClaimSpec: "storageClassName volumeAttributesClassName",
  PersistentVolumeSpec: "volumeAttributesClassName",
  TypedLocalObjectReference: "apiGroup",
  TypedObjectReference: "apiGroup",
  EndpointPort: "name appProtocol",
}

const has = (table: Readonly<Record<string, string>>, type: string, field: string): boolean =>
  Object.hasOwn(table, type) && (table[type] ?? "").split(" ").includes(field)

/** CSIVolumeSource has its readOnly as a pointer, unlike all others. */
export function zeroMeansAbsent(typeName: string, field: string): boolean {
  if (typeName === "CSIVolumeSource" && field === "readOnly") return false
  return has(valueFields, typeName, field) || has(valueFields, "*", field)
}

export function emptyTextMeansAbsent(typeName: string, field: string): boolean {
  return !has(emptyTexts, typeName, field)
}
