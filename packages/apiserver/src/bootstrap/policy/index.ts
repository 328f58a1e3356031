import type { rbacv1 } from "@ladya/api"
import { componentRoles } from "./component-roles.ts"
import { controllerRoles } from "./controller-roles.ts"
import { type BindingData, eventsRule, type RoleData, read, rule } from "./rule.ts"
import { userRoles } from "./user-roles.ts"

const apiVersion = "rbac.authorization.k8s.io/v1" as const
const apiGroup = "rbac.authorization.k8s.io"

const clusterBindings: readonly BindingData[] = [
  { name: "cluster-admin", role: "ClusterRole:cluster-admin", subjects: ["Group:system:masters"] },
  { name: "system:monitoring", role: "ClusterRole:system:monitoring", subjects: ["Group:system:monitoring"] },
  { name: "system:discovery", role: "ClusterRole:system:discovery", subjects: ["Group:system:authenticated"] },
  { name: "system:basic-user", role: "ClusterRole:system:basic-user", subjects: ["Group:system:authenticated"] },
  {
    name: "system:public-info-viewer",
    role: "ClusterRole:system:public-info-viewer",
    subjects: ["Group:system:authenticated", "Group:system:unauthenticated"],
  },
  { name: "system:node-proxier", role: "ClusterRole:system:node-proxier", subjects: ["User:system:kube-proxy"] },
  // Nodes have their rights from the Node authorizer: without subjects, as upstream has it.
  { name: "system:node", role: "ClusterRole:system:node", subjects: [] },
  {
    name: "system:kube-controller-manager",
    role: "ClusterRole:system:kube-controller-manager",
    subjects: ["User:system:kube-controller-manager"],
  },
  {
    name: "system:kube-scheduler",
    role: "ClusterRole:system:kube-scheduler",
    subjects: ["User:system:kube-scheduler"],
  },
  {
    name: "system:volume-scheduler",
    role: "ClusterRole:system:volume-scheduler",
    subjects: ["User:system:kube-scheduler"],
  },
  { name: "system:kube-dns", role: "ClusterRole:system:kube-dns", subjects: ["ServiceAccount:kube-system:kube-dns"] },
  {
    name: "system:service-account-issuer-discovery",
    role: "ClusterRole:system:service-account-issuer-discovery",
    subjects: ["Group:system:serviceaccounts"],
  },
]

interface NamespacedPolicy {
  namespace: string
  roles: readonly RoleData[]
  bindings: readonly BindingData[]
}

const account = (namespace: string, name: string): string => `ServiceAccount:${namespace}:${name}`
const leader = (component: string): { role: RoleData; binding: BindingData } => {
  const name = `system::leader-locking-${component}`
  return {
    role: {
      name,
      rules: [
        rule("create", "coordination.k8s.io", "leases"),
        rule("get patch update", "coordination.k8s.io", "leases", [component]),
        rule("watch", "core", "configmaps"),
      ],
    },
    binding: { name, role: `Role:${name}`, subjects: [`User:system:${component}`, account("kube-system", component)] },
  }
}

const namespaced: readonly NamespacedPolicy[] = [
  {
    namespace: "kube-system",
    roles: [
      {
        name: "extension-apiserver-authentication-reader",
        rules: [rule(read, "core", "configmaps", ["extension-apiserver-authentication"])],
      },
      { name: "system:controller:bootstrap-signer", rules: [rule(read, "core", "secrets")] },
      {
        name: "system:controller:cloud-provider",
        rules: [rule("create get list watch", "core", "configmaps"), eventsRule],
      },
      {
        name: "system:controller:token-cleaner",
        rules: [rule("delete get list watch", "core", "secrets"), eventsRule],
      },
      leader("kube-controller-manager").role,
      leader("kube-scheduler").role,
    ],
    bindings: [
      {
        name: "system::extension-apiserver-authentication-reader",
        role: "Role:extension-apiserver-authentication-reader",
        subjects: ["User:system:kube-controller-manager", "User:system:kube-scheduler"],
      },
      ...["bootstrap-signer", "cloud-provider", "token-cleaner"].map((name) => ({
        name: `system:controller:${name}`,
        role: `Role:system:controller:${name}`,
        subjects: [account("kube-system", name)],
      })),
      leader("kube-controller-manager").binding,
      leader("kube-scheduler").binding,
    ],
  },
  {
    namespace: "kube-public",
    roles: [
      {
        name: "system:controller:bootstrap-signer",
        rules: [rule(read, "core", "configmaps"), rule("update", "core", "configmaps", ["cluster-info"]), eventsRule],
      },
    ],
    bindings: [
      {
        name: "system:controller:bootstrap-signer",
        role: "Role:system:controller:bootstrap-signer",
        subjects: [account("kube-system", "bootstrap-signer")],
      },
    ],
  },
]

/** Ours to keep: rules that are missing are added at each start, unless the annotation says otherwise. */
function metadataOf(name: string, labels: Readonly<Record<string, string>> = {}) {
  return {
    name,
    labels: { "kubernetes.io/bootstrapping": "rbac-defaults", ...labels },
    annotations: { "rbac.authorization.kubernetes.io/autoupdate": "true" },
  }
}

function clusterRole({ name, rules, labels, aggregates }: RoleData): rbacv1.ClusterRole {
  const selectors = aggregates?.map((label) => ({ matchLabels: { [label]: "true" } }))
  return {
    apiVersion,
    kind: "ClusterRole",
    metadata: metadataOf(name, labels),
    ...(selectors ? { aggregationRule: { clusterRoleSelectors: selectors } } : {}),
    rules: structuredClone([...rules]),
  }
}

function subject(text: string): rbacv1.Subject {
  const [kind = "", ...rest] = text.split(":")
  if (kind === "ServiceAccount") return { kind, namespace: rest[0] ?? "", name: rest.slice(1).join(":") }
  return { apiGroup, kind, name: rest.join(":") }
}

function roleRef(text: string): rbacv1.RoleRef {
  const colon = text.indexOf(":")
  return { apiGroup, kind: text.slice(0, colon), name: text.slice(colon + 1) }
}

function clusterBinding({ name, role, subjects }: BindingData): rbacv1.ClusterRoleBinding {
  return {
    apiVersion,
    kind: "ClusterRoleBinding",
    metadata: metadataOf(name),
    roleRef: roleRef(role),
    ...(subjects.length > 0 ? { subjects: subjects.map(subject) } : {}),
  }
}

/** Our controllers patch where upstream's update: whoever may do the one may do the other. */
function patchAsWell(rule: rbacv1.PolicyRule): rbacv1.PolicyRule {
  if (!rule.verbs.includes("update") || rule.verbs.includes("patch")) return rule
  return { ...rule, verbs: [...rule.verbs, "patch"].sort() }
}

/** All ClusterRoles that a cluster begins with. */
export function defaultClusterRoles(): rbacv1.ClusterRole[] {
  const ofControllers = controllerRoles.map((one) => ({
    name: `system:controller:${one.account}`,
    rules: one.rules.map(patchAsWell),
  }))
  return [...userRoles, ...componentRoles, ...ofControllers].map(clusterRole)
}

export function defaultClusterRoleBindings(): rbacv1.ClusterRoleBinding[] {
  const ofControllers = controllerRoles.map(
    (one): BindingData => ({
      name: `system:controller:${one.account}`,
      role: `ClusterRole:system:controller:${one.account}`,
      subjects: [account("kube-system", one.account)],
    }),
  )
  return [...clusterBindings, ...ofControllers].map(clusterBinding)
}

export function defaultRoles(): rbacv1.Role[] {
  return namespaced.flatMap(({ namespace, roles }) =>
    roles.map(
      ({ name, rules }): rbacv1.Role => ({
        apiVersion,
        kind: "Role",
        metadata: { namespace, ...metadataOf(name) },
        rules: structuredClone([...rules]),
      }),
    ),
  )
}

export function defaultRoleBindings(): rbacv1.RoleBinding[] {
  return namespaced.flatMap(({ namespace, bindings }) =>
    bindings.map(
      ({ name, role, subjects }): rbacv1.RoleBinding => ({
        apiVersion,
        kind: "RoleBinding",
        metadata: { namespace, ...metadataOf(name) },
        roleRef: roleRef(role),
        subjects: subjects.map(subject),
      }),
    ),
  )
}
