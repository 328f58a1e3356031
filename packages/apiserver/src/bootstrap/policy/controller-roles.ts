import type { rbacv1 } from "@ladya/api"
import { eventsRule, read, rule } from "./rule.ts"

/** The role of one controller. */
export interface ControllerRole {
  /** Its account in kube-system; the role is `system:controller:<account>`. */
  account: string
  rules: readonly rbacv1.PolicyRule[]
}

const podControl = rule("create delete list patch watch", "core", "pods")

export const controllerRoles: readonly ControllerRole[] = [
  {
    account: "attachdetach-controller",
    rules: [
      rule("list watch", "core", "persistentvolumeclaims persistentvolumes pods"),
      rule(read, "core", "nodes"),
      rule("patch update", "core", "nodes/status"),
      eventsRule,
      rule("create delete get list watch", "storage.k8s.io", "volumeattachments"),
      rule(read, "storage.k8s.io", "csidrivers csinodes"),
    ],
  },
  {
    account: "clusterrole-aggregation-controller",
    rules: [rule("escalate get list patch update watch", "rbac.authorization.k8s.io", "clusterroles")],
  },
  {
    account: "cronjob-controller",
    rules: [
      rule("get list update watch", "batch", "cronjobs"),
      rule("create delete get list patch update watch", "batch", "jobs"),
      rule("update", "batch", "cronjobs/finalizers cronjobs/status"),
      rule("delete list", "core", "pods"),
      eventsRule,
    ],
  },
  {
    account: "daemon-set-controller",
    rules: [
      rule(read, "apps extensions", "daemonsets"),
      rule("update", "apps extensions", "daemonsets/finalizers daemonsets/status"),
      rule("list watch", "core", "nodes"),
      podControl,
      rule("create", "core", "pods/binding"),
      rule("create delete get list patch update watch", "apps", "controllerrevisions"),
      eventsRule,
    ],
  },
  {
    account: "deployment-controller",
    rules: [
      rule("get list update watch", "apps extensions", "deployments"),
      rule("update", "apps extensions", "deployments/finalizers deployments/status"),
      rule("create delete get list patch update watch", "apps extensions", "replicasets"),
      rule("get list update watch", "core", "pods"),
      eventsRule,
    ],
  },
  {
    account: "device-taint-eviction-controller",
    rules: [
      rule("delete get list watch", "core", "pods"),
      rule("patch update", "core", "pods/status"),
      rule(read, "resource.k8s.io", "deviceclasses devicetaintrules resourceclaims resourceslices"),
      eventsRule,
    ],
  },
  {
    account: "disruption-controller",
    rules: [
      rule(read, "apps extensions", "deployments replicasets"),
      rule(read, "core", "replicationcontrollers"),
      rule(read, "policy", "poddisruptionbudgets"),
      rule(read, "apps", "statefulsets"),
      rule("update", "policy", "poddisruptionbudgets/status"),
      rule(read, "core", "pods"),
      rule("patch update", "core", "pods/status"),
      rule("get", "*", "*/scale"),
      eventsRule,
    ],
  },
  {
    account: "endpoint-controller",
    rules: [
      rule(read, "core", "pods services"),
      rule("create delete get list update watch", "core", "endpoints"),
      rule("create", "core", "endpoints/restricted"),
      rule("update", "core", "services/finalizers"),
      eventsRule,
    ],
  },
  {
    account: "endpointslice-controller",
    rules: [
      rule(read, "core", "nodes pods services"),
      rule("update", "core", "services/finalizers"),
      rule("create delete get list update watch", "discovery.k8s.io", "endpointslices"),
      rule("create", "discovery.k8s.io", "endpointslices/restricted"),
      eventsRule,
    ],
  },
  {
    account: "endpointslicemirroring-controller",
    rules: [
      rule(read, "core", "endpoints services"),
      rule("update", "core", "endpoints/finalizers services/finalizers"),
      rule("create delete get list update watch", "discovery.k8s.io", "endpointslices"),
      rule("create", "discovery.k8s.io", "endpointslices/restricted"),
      eventsRule,
    ],
  },
  {
    account: "ephemeral-volume-controller",
    rules: [
      rule(read, "core", "pods"),
      rule("update", "core", "pods/finalizers"),
      rule("create get list watch", "core", "persistentvolumeclaims"),
      eventsRule,
    ],
  },
  {
    account: "expand-controller",
    rules: [
      rule("get list patch update watch", "core", "persistentvolumes"),
      rule("patch update", "core", "persistentvolumeclaims/status"),
      rule(read, "core", "persistentvolumeclaims"),
      rule("get list watch", "storage.k8s.io", "storageclasses"),
      eventsRule,
    ],
  },
  {
    account: "generic-garbage-collector",
    rules: [rule("delete get list patch update watch", "*", "*"), eventsRule],
  },
  {
    account: "horizontal-pod-autoscaler",
    rules: [
      rule(read, "autoscaling", "horizontalpodautoscalers"),
      rule("update", "autoscaling", "horizontalpodautoscalers/status"),
      rule("get update", "*", "*/scale"),
      rule("list", "core", "pods"),
      rule("list", "metrics.k8s.io", "pods"),
      rule("get list", "custom.metrics.k8s.io external.metrics.k8s.io", "*"),
      eventsRule,
    ],
  },
  {
    account: "job-controller",
    rules: [
      rule("get list patch update watch", "batch", "jobs"),
      rule("update", "batch", "jobs/finalizers jobs/status"),
      rule("create delete list patch watch", "core", "pods"),
      eventsRule,
    ],
  },
  {
    account: "legacy-service-account-token-cleaner",
    rules: [
      rule("get", "core", "configmaps", ["kube-apiserver-legacy-service-account-token-tracking"]),
      rule("create delete get list patch update watch", "core", "secrets"),
      rule(read, "core", "serviceaccounts"),
      eventsRule,
    ],
  },
  {
    account: "namespace-controller",
    rules: [
      rule("delete get list watch", "core", "namespaces"),
      rule("patch update", "core", "namespaces/finalize namespaces/status"),
      rule("delete deletecollection get list", "*", "*"),
    ],
  },
  {
    account: "node-controller",
    rules: [
      rule("delete get list patch update watch", "core", "nodes"),
      rule("patch update", "core", "nodes/status"),
      rule("patch update", "core", "pods/status"),
      rule("delete get list watch", "core", "pods"),
      rule(read, "coordination.k8s.io", "leases"),
      eventsRule,
    ],
  },
  {
    account: "persistent-volume-binder",
    rules: [
      rule("create delete get list update watch", "core", "persistentvolumes"),
      rule("update", "core", "persistentvolumeclaims/status persistentvolumes/status"),
      rule("get list update watch", "core", "persistentvolumeclaims"),
      rule("create delete get list watch", "core", "pods"),
      rule(read, "storage.k8s.io", "storageclasses"),
      rule("get list watch", "core", "nodes"),
      eventsRule,
    ],
  },
  {
    account: "pod-garbage-collector",
    rules: [
      rule("delete list watch", "core", "pods"),
      rule("get list", "core", "nodes"),
      rule("patch", "core", "pods/status"),
      eventsRule,
    ],
  },
  {
    account: "podcertificaterequestcleaner",
    rules: [rule("delete get list watch", "certificates.k8s.io", "podcertificaterequests")],
  },
  {
    account: "pv-protection-controller",
    rules: [rule("get list update watch", "core", "persistentvolumes"), eventsRule],
  },
  {
    account: "pvc-protection-controller",
    rules: [rule("get list update watch", "core", "persistentvolumeclaims"), rule(read, "core", "pods"), eventsRule],
  },
  {
    account: "replicaset-controller",
    rules: [
      rule("get list update watch", "apps extensions", "replicasets"),
      rule("update", "apps extensions", "replicasets/finalizers replicasets/status"),
      podControl,
      eventsRule,
    ],
  },
  {
    account: "replication-controller",
    rules: [
      rule("get list update watch", "core", "replicationcontrollers"),
      rule("update", "core", "replicationcontrollers/finalizers replicationcontrollers/status"),
      podControl,
      eventsRule,
    ],
  },
  {
    account: "resource-claim-controller",
    rules: [
      rule(read, "core", "pods"),
      rule("update", "core", "pods/finalizers"),
      rule("create delete get list watch", "resource.k8s.io", "resourceclaims"),
      rule("patch update", "resource.k8s.io", "resourceclaims resourceclaims/status"),
      rule(read, "resource.k8s.io", "resourceclaimtemplates"),
      rule("patch update", "core", "pods/status"),
      eventsRule,
    ],
  },
  {
    account: "resourcequota-controller",
    rules: [rule("list watch", "*", "*"), rule("update", "core", "resourcequotas/status"), eventsRule],
  },
  {
    account: "root-ca-cert-publisher",
    rules: [rule("create update", "core", "configmaps"), eventsRule],
  },
  {
    account: "route-controller",
    rules: [rule("list watch", "core", "nodes"), rule("patch", "core", "nodes/status"), eventsRule],
  },
  {
    account: "selinux-warning-controller",
    rules: [
      rule(read, "core", "persistentvolumeclaims persistentvolumes pods"),
      rule(read, "storage.k8s.io", "csidrivers"),
      eventsRule,
    ],
  },
  {
    account: "service-account-controller",
    rules: [rule("create", "core", "serviceaccounts"), eventsRule],
  },
  {
    account: "service-cidrs-controller",
    rules: [
      rule("get list patch update watch", "networking.k8s.io", "servicecidrs"),
      rule("patch update", "networking.k8s.io", "servicecidrs/finalizers servicecidrs/status"),
      rule(read, "networking.k8s.io", "ipaddresses"),
      eventsRule,
    ],
  },
  {
    account: "service-controller",
    rules: [
      rule(read, "core", "services"),
      rule("patch update", "core", "services/status"),
      rule("list watch", "core", "nodes"),
      eventsRule,
    ],
  },
  {
    account: "statefulset-controller",
    rules: [
      rule("list watch", "core", "pods"),
      rule(read, "apps", "statefulsets"),
      rule("update", "apps", "statefulsets/finalizers statefulsets/status"),
      rule("create delete get patch update", "core", "pods"),
      rule("create delete get list patch update watch", "apps", "controllerrevisions"),
      rule("create delete get list update watch", "core", "persistentvolumeclaims"),
      eventsRule,
    ],
  },
  {
    account: "storage-version-migrator-controller",
    rules: [
      rule("get list patch update watch", "*", "*"),
      rule("update", "storagemigration.k8s.io", "storageversionmigrations/status"),
    ],
  },
  {
    account: "ttl-after-finished-controller",
    rules: [rule("delete get list watch", "batch", "jobs"), eventsRule],
  },
  { account: "ttl-controller", rules: [rule("list patch update watch", "core", "nodes"), eventsRule] },
  {
    account: "certificate-controller",
    rules: [
      rule("delete get list watch", "certificates.k8s.io", "certificatesigningrequests"),
      rule("update", "certificates.k8s.io", "certificatesigningrequests/approval certificatesigningrequests/status"),
      rule("approve sign", "certificates.k8s.io", "signers", [
        "kubernetes.io/kube-apiserver-client",
        "kubernetes.io/kube-apiserver-client-kubelet",
        "kubernetes.io/kubelet-serving",
        "kubernetes.io/legacy-unknown",
      ]),
      rule("create", "authorization.k8s.io", "subjectaccessreviews"),
      eventsRule,
    ],
  },
  {
    account: "validatingadmissionpolicy-status-controller",
    rules: [
      rule(read, "admissionregistration.k8s.io", "validatingadmissionpolicies"),
      rule("get patch update", "admissionregistration.k8s.io", "validatingadmissionpolicies/status"),
      eventsRule,
    ],
  },
  {
    account: "volumeattributesclass-protection-controller",
    rules: [
      rule("get list patch update watch", "storage.k8s.io", "volumeattributesclasses"),
      rule(read, "core", "persistentvolumeclaims persistentvolumes"),
      eventsRule,
    ],
  },
]
