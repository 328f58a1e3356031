import { eventsRule, type RoleData, read, rule, urls } from "./rule.ts"

const certificates = "certificates.k8s.io"
const approve = (name: string, resource: string): RoleData => ({
  name: `system:certificates.k8s.io:certificatesigningrequests:${name}`,
  rules: [rule("create", certificates, `certificatesigningrequests/${resource}`)],
})
const approver = (name: string, signer: string): RoleData => ({
  name: `system:certificates.k8s.io:${name}`,
  rules: [rule("approve", certificates, "signers", [`kubernetes.io/${signer}`])],
})
const leaseOf = (name: string) => [
  rule("create", "coordination.k8s.io", "leases"),
  rule("get list update watch patch", "coordination.k8s.io", "leases", [name]),
]

/** What a node's kubelet may. The Node authorizer grants it to nodes, and narrows secrets and config maps to what their pods use. */
export const nodeRules = [
  rule("create", "authentication.k8s.io", "tokenreviews"),
  rule("create", "authorization.k8s.io", "localsubjectaccessreviews subjectaccessreviews"),
  rule(read, "core", "services"),
  rule("create get list watch", "core", "nodes"),
  rule("patch update", "core", "nodes nodes/status"),
  eventsRule,
  rule(read, "core", "pods"),
  rule("create delete", "core", "pods"),
  rule("patch update", "core", "pods/status"),
  rule("create", "core", "pods/eviction"),
  rule(read, "core", "configmaps secrets"),
  rule("get", "core", "endpoints persistentvolumeclaims persistentvolumes serviceaccounts"),
  rule("create get list watch", certificates, "certificatesigningrequests"),
  rule("create delete get patch update", "coordination.k8s.io", "leases"),
  rule("get", "storage.k8s.io", "volumeattachments"),
  rule("create", "core", "serviceaccounts/token"),
  rule("get patch update", "core", "persistentvolumeclaims/status"),
  rule(read, "storage.k8s.io", "csidrivers"),
  rule("create delete get patch update", "storage.k8s.io", "csinodes"),
  rule(read, "node.k8s.io", "runtimeclasses"),
  rule("get", "resource.k8s.io", "resourceclaims"),
  rule("create delete deletecollection get list patch update watch", "resource.k8s.io", "resourceslices"),
  rule(read, certificates, "clustertrustbundles"),
]

const proxierRules = [
  rule("list watch", "core", "endpoints services"),
  rule("get list watch", "core", "nodes"),
  eventsRule,
  rule("list watch", "discovery.k8s.io", "endpointslices"),
  rule("list watch", "networking.k8s.io", "servicecidrs"),
]

/** What a node's agent may besides, for its service proxy, its overlay and its DNS. */
export const agentRules = [
  ...proxierRules,
  rule(read, "core", "namespaces"),
  rule("create delete get patch update", "discovery.k8s.io", "endpointslices"),
  rule(read, "networking.k8s.io", "networkpolicies"),
]

/** What the parts of the cluster need. */
export const componentRoles: readonly RoleData[] = [
  { name: "system:node", rules: nodeRules },
  { name: "system:node-proxier", rules: proxierRules },
  {
    name: "system:node-problem-detector",
    rules: [rule("get", "core", "nodes"), rule("patch", "core", "nodes/status"), eventsRule],
  },
  {
    name: "system:node-bootstrapper",
    rules: [rule("create get list watch", certificates, "certificatesigningrequests")],
  },
  {
    name: "system:kubelet-api-admin",
    rules: [
      rule("get list watch", "core", "nodes"),
      rule("proxy", "core", "nodes"),
      rule("*", "core", "nodes/configz nodes/healthz nodes/log nodes/metrics nodes/pods nodes/proxy nodes/stats"),
    ],
  },
  {
    name: "system:auth-delegator",
    rules: [
      rule("create", "authentication.k8s.io", "tokenreviews"),
      rule("create", "authorization.k8s.io", "subjectaccessreviews"),
    ],
  },
  { name: "system:kube-aggregator", rules: [rule(read, "core", "endpoints services")] },
  {
    name: "system:kube-controller-manager",
    rules: [
      eventsRule,
      ...leaseOf("kube-controller-manager"),
      rule("create", "core", "secrets serviceaccounts serviceaccounts/token"),
      rule("delete", "core", "secrets"),
      rule("get", "core", "configmaps namespaces secrets serviceaccounts"),
      rule("update", "core", "secrets serviceaccounts"),
      rule("create", "authentication.k8s.io", "tokenreviews"),
      rule("create", "authorization.k8s.io", "subjectaccessreviews"),
      rule("list watch", "*", "*"),
    ],
  },
  {
    name: "system:kube-scheduler",
    rules: [
      eventsRule,
      ...leaseOf("kube-scheduler"),
      rule(read, "core", "namespaces nodes persistentvolumeclaims persistentvolumes replicationcontrollers services"),
      rule("delete get list watch", "core", "pods"),
      rule("create", "core", "bindings pods/binding"),
      rule("patch update", "core", "pods/status"),
      rule(read, "apps extensions", "replicasets"),
      rule(read, "apps", "statefulsets"),
      rule(read, "policy", "poddisruptionbudgets"),
      rule("create", "authentication.k8s.io", "tokenreviews"),
      rule("create", "authorization.k8s.io", "subjectaccessreviews"),
      rule(read, "storage.k8s.io", "csidrivers csinodes csistoragecapacities storageclasses volumeattachments"),
      rule(read, "resource.k8s.io", "deviceclasses resourceclaims resourceslices"),
      rule("patch update", "resource.k8s.io", "resourceclaims resourceclaims/status"),
      rule(read, "scheduling.k8s.io", "podgroups priorityclasses workloads"),
    ],
  },
  {
    name: "system:volume-scheduler",
    rules: [
      rule("get list patch update watch", "core", "persistentvolumes persistentvolumeclaims"),
      rule(read, "storage.k8s.io", "storageclasses"),
    ],
  },
  { name: "system:kube-dns", rules: [rule("list watch", "core", "endpoints services")] },
  {
    name: "system:persistent-volume-provisioner",
    rules: [
      rule("create delete get list watch", "core", "persistentvolumes"),
      rule("get list update watch", "core", "persistentvolumeclaims"),
      rule(read, "storage.k8s.io", "storageclasses"),
      rule("watch", "core", "events"),
      eventsRule,
    ],
  },
  {
    name: "system:heapster",
    rules: [rule(read, "core", "events namespaces nodes pods"), rule(read, "extensions", "deployments")],
  },
  {
    name: "system:service-account-issuer-discovery",
    rules: [
      urls(
        "get",
        "/.well-known/openid-configuration /.well-known/openid-configuration/ /openid/v1/jwks /openid/v1/jwks/",
      ),
    ],
  },
  approve("nodeclient", "nodeclient"),
  approve("selfnodeclient", "selfnodeclient"),
  approver("kube-apiserver-client-approver", "kube-apiserver-client"),
  approver("kube-apiserver-client-kubelet-approver", "kube-apiserver-client-kubelet"),
  approver("kubelet-serving-approver", "kubelet-serving"),
  approver("legacy-unknown-approver", "legacy-unknown"),
]
