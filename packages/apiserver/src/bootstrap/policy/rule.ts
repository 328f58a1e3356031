import type { rbacv1 } from "@ladya/api"

/** A ClusterRole or Role by name, before it is an object. */
export interface RoleData {
  name: string
  rules: readonly rbacv1.PolicyRule[]
  labels?: Readonly<Record<string, string>>
  /** The rules are those of the ClusterRoles with one of these labels set to "true". */
  aggregates?: readonly string[]
}

/** Who has a role. Subjects are `User:name`, `Group:name` or `ServiceAccount:namespace:name`. */
export interface BindingData {
  name: string
  /** `ClusterRole:name` or `Role:name` */
  role: string
  subjects: readonly string[]
}

export const read = "get list watch"
export const write = "create delete deletecollection patch update"
export const readWrite = "create delete deletecollection get list patch update watch"

const list = (text: string): string[] => text.split(" ").map((word) => (word === "core" ? "" : word))

/** Verbs, groups and resources are separated by blanks; the core group is called `core`. */
export function rule(verbs: string, groups: string, resources: string, names?: readonly string[]): rbacv1.PolicyRule {
  const base = { verbs: list(verbs), apiGroups: list(groups), resources: resources.split(" ") }
  return names ? { ...base, resourceNames: [...names] } : base
}

export function urls(verbs: string, paths: string): rbacv1.PolicyRule {
  return { verbs: verbs.split(" "), nonResourceURLs: paths.split(" ") }
}

/** Events are written in either group. */
export const eventsRule = rule("create patch update", "core events.k8s.io", "events")
