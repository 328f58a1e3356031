import { type rbacv1, refs } from "@ladya/api"
import { isStatus, type KubeObject, type ResourceRef, semanticEqual } from "@ladya/apimachinery"
import type { Client } from "@ladya/client"
import { uncovered } from "../authorization/rules.ts"
import { ensure } from "./ensure.ts"
import { defaultClusterRoleBindings, defaultClusterRoles, defaultRoleBindings, defaultRoles } from "./policy/index.ts"

type AnyRole = rbacv1.ClusterRole | rbacv1.Role
type AnyBinding = rbacv1.ClusterRoleBinding | rbacv1.RoleBinding

/** `false` here keeps a role or binding as its owner has made it. */
const autoUpdate = "rbac.authorization.kubernetes.io/autoupdate"

const isOurs = (object: KubeObject): boolean => object.metadata.annotations?.[autoUpdate] !== "false"

function mendLabels(draft: KubeObject, wanted: KubeObject): boolean {
  const { labels, annotations } = draft.metadata
  const next = { ...labels, ...wanted.metadata.labels }
  const nextAnnotations = { ...wanted.metadata.annotations, ...annotations }
  if (semanticEqual(next, labels) && semanticEqual(nextAnnotations, annotations)) return false
  draft.metadata.labels = next
  draft.metadata.annotations = nextAnnotations
  return true
}

/** Rules that are missing are added; what was added by others stays. */
function mendRole(draft: AnyRole, wanted: AnyRole): boolean {
  if (!isOurs(draft)) return false
  let changed = mendLabels(draft, wanted)
  const aggregation = (wanted as rbacv1.ClusterRole).aggregationRule
  if (aggregation && !semanticEqual((draft as rbacv1.ClusterRole).aggregationRule, aggregation)) {
    Object.assign(draft, { aggregationRule: aggregation })
    changed = true
  }
  // Rules of an aggregated role come from the others.
  const missing = aggregation ? [] : uncovered(draft.rules ?? [], wanted.rules ?? [])
  if (missing.length === 0) return changed
  draft.rules = [...(draft.rules ?? []), ...missing]
  return true
}

const sameSubject = (a: rbacv1.Subject, b: rbacv1.Subject): boolean =>
  a.kind === b.kind && a.name === b.name && (a.namespace ?? "") === (b.namespace ?? "")

function mendBinding(draft: AnyBinding, wanted: AnyBinding): boolean {
  if (!isOurs(draft)) return false
  const changed = mendLabels(draft, wanted)
  const standing = draft.subjects ?? []
  const missing = (wanted.subjects ?? []).filter((one) => !standing.some((other) => sameSubject(one, other)))
  if (missing.length === 0) return changed
  draft.subjects = [...standing, ...missing]
  return true
}

/** A binding's role cannot be changed: one that points elsewhere is made anew. */
async function dropForeign<T extends AnyBinding & KubeObject>(
  client: Client,
  ref: ResourceRef<T>,
  wanted: T,
): Promise<void> {
  const { name = "", namespace = "" } = wanted.metadata
  try {
    const standing = await client.resource(ref).get(name, { namespace })
    if (!isOurs(standing) || semanticEqual(standing.roleRef, wanted.roleRef)) return
    await client.resource(ref).delete(name, { namespace })
  } catch (error) {
    if (!isStatus(error, "NotFound")) throw error
  }
}

/** Makes and mends the roles and bindings of the whole cluster, all at once: the store then writes them to disk together. */
export async function ensureClusterPolicy(client: Client): Promise<void> {
  await Promise.all([
    ...defaultClusterRoles().map((role) => ensure(client, refs.clusterroles, role, (draft) => mendRole(draft, role))),
    ...defaultClusterRoleBindings().map(async (binding) => {
      await dropForeign(client, refs.clusterrolebindings, binding)
      await ensure(client, refs.clusterrolebindings, binding, (draft) => mendBinding(draft, binding))
    }),
  ])
}

/** Makes and mends the roles and bindings of the system's namespaces, which must be there. */
export async function ensureNamespacePolicy(client: Client): Promise<void> {
  await Promise.all([
    ...defaultRoles().map((role) => ensure(client, refs.roles, role, (draft) => mendRole(draft, role))),
    ...defaultRoleBindings().map(async (binding) => {
      await dropForeign(client, refs.rolebindings, binding)
      await ensure(client, refs.rolebindings, binding, (draft) => mendBinding(draft, binding))
    }),
  ])
}
