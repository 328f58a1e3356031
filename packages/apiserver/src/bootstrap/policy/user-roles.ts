import { type RoleData, read, readWrite, rule, urls, write } from "./rule.ts"

const aggregateTo = (role: string): string => `rbac.authorization.k8s.io/aggregate-to-${role}`

const workloads =
  "daemonsets deployments deployments/scale replicasets replicasets/scale statefulsets statefulsets/scale"
const legacyWorkloads =
  "daemonsets deployments deployments/scale ingresses networkpolicies replicasets replicasets/scale replicationcontrollers/scale"
const insidePods = "pods/attach pods/exec pods/portforward pods/proxy"

/** What people get: from reading one's own rights to everything. */
export const userRoles: readonly RoleData[] = [
  { name: "cluster-admin", rules: [rule("*", "*", "*"), urls("*", "*")] },
  {
    name: "system:discovery",
    rules: [urls("get", "/api /api/* /apis /apis/* /healthz /livez /openapi /openapi/* /readyz /version /version/")],
  },
  { name: "system:public-info-viewer", rules: [urls("get", "/healthz /livez /readyz /version /version/")] },
  {
    name: "system:monitoring",
    rules: [urls("get", "/healthz /healthz/* /livez /livez/* /metrics /metrics/slis /readyz /readyz/*")],
  },
  {
    name: "system:basic-user",
    rules: [
      rule("create", "authorization.k8s.io", "selfsubjectaccessreviews selfsubjectrulesreviews"),
      rule("create", "authentication.k8s.io", "selfsubjectreviews"),
    ],
  },
  { name: "admin", rules: [], aggregates: [aggregateTo("admin"), aggregateTo("edit"), aggregateTo("view")] },
  {
    name: "edit",
    rules: [],
    labels: { [aggregateTo("admin")]: "true" },
    aggregates: [aggregateTo("edit"), aggregateTo("view")],
  },
  { name: "view", rules: [], labels: { [aggregateTo("edit")]: "true" }, aggregates: [aggregateTo("view")] },
  {
    name: "system:aggregate-to-admin",
    labels: { [aggregateTo("admin")]: "true" },
    rules: [
      rule("create", "authorization.k8s.io", "localsubjectaccessreviews"),
      rule(readWrite, "rbac.authorization.k8s.io", "rolebindings roles"),
    ],
  },
  {
    name: "system:aggregate-to-edit",
    labels: { [aggregateTo("edit")]: "true" },
    rules: [
      rule(read, "core", `${insidePods} secrets services/proxy`),
      rule("impersonate", "core", "serviceaccounts"),
      rule(write, "core", `pods ${insidePods}`),
      rule("create", "core", "pods/eviction serviceaccounts/token"),
      rule(
        write,
        "core",
        "configmaps events persistentvolumeclaims replicationcontrollers replicationcontrollers/scale secrets serviceaccounts services services/proxy",
      ),
      rule(write, "apps", `${workloads} deployments/rollback`),
      rule(write, "autoscaling", "horizontalpodautoscalers"),
      rule(write, "batch", "cronjobs jobs"),
      rule(write, "extensions", `${legacyWorkloads} deployments/rollback`),
      rule(write, "policy", "poddisruptionbudgets"),
      rule(write, "networking.k8s.io", "ingresses networkpolicies"),
      rule(readWrite, "coordination.k8s.io", "leases"),
      rule(write, "resource.k8s.io", "resourceclaims resourceclaimtemplates"),
    ],
  },
  {
    name: "system:aggregated-metrics-reader",
    labels: { [aggregateTo("admin")]: "true", [aggregateTo("edit")]: "true", [aggregateTo("view")]: "true" },
    rules: [rule(read, "metrics.k8s.io", "nodes pods")],
  },
  {
    name: "system:aggregate-to-view",
    labels: { [aggregateTo("view")]: "true" },
    rules: [
      rule(
        read,
        "core",
        "bindings configmaps endpoints events limitranges namespaces namespaces/status persistentvolumeclaims persistentvolumeclaims/status pods pods/log pods/status replicationcontrollers replicationcontrollers/scale replicationcontrollers/status resourcequotas resourcequotas/status serviceaccounts services services/status",
      ),
      rule(read, "discovery.k8s.io", "endpointslices"),
      rule(
        read,
        "apps",
        `controllerrevisions ${workloads} daemonsets/status deployments/status replicasets/status statefulsets/status`,
      ),
      rule(read, "autoscaling", "horizontalpodautoscalers horizontalpodautoscalers/status"),
      rule(read, "batch", "cronjobs cronjobs/status jobs jobs/status"),
      rule(
        read,
        "extensions",
        `${legacyWorkloads} daemonsets/status deployments/status ingresses/status replicasets/status`,
      ),
      rule(read, "policy", "poddisruptionbudgets poddisruptionbudgets/status"),
      rule(read, "networking.k8s.io", "ingresses ingresses/status networkpolicies"),
      rule(read, "resource.k8s.io", "resourceclaims resourceclaims/status resourceclaimtemplates"),
    ],
  },
]
