import { type rbacv1, refs } from "@ladya/api"
import { compileLabelSelector, type KubeObject, keyOf, keyText, type ResourceRef } from "@ladya/apimachinery"
import type { EventHandler } from "@ladya/client"
import type { UserInfo } from "../authentication/authenticator.ts"
import type { PolicyRule } from "./rules.ts"

type Role = rbacv1.Role
type ClusterRole = rbacv1.ClusterRole
type RoleBinding = rbacv1.RoleBinding
type ClusterRoleBinding = rbacv1.ClusterRoleBinding
type Subject = rbacv1.Subject

/** Where the roles and bindings come from: calls back with what is there and with every change. */
export interface RbacSource {
  subscribe<T extends KubeObject>(ref: ResourceRef<T>, handler: EventHandler<T>): void
}

/** A binding that applies to a user, and the rules it grants. */
export interface Grant {
  binding: RoleBinding | ClusterRoleBinding
  subject: Subject
  /** Empty when the role is missing. */
  rules: readonly PolicyRule[]
  roleFound: boolean
}

const serviceAccountPrefix = "system:serviceaccount:"

/** `U:name` or `G:name`; a service account is the user it authenticates as. Undefined for what is none of them. */
function subjectId(subject: Subject, bindingNamespace: string): string | undefined {
  switch (subject.kind) {
    case "User":
      return `U:${subject.name}`
    case "Group":
      return `G:${subject.name}`
    case "ServiceAccount": {
      const namespace = subject.namespace || bindingNamespace
      return namespace ? `U:${serviceAccountPrefix}${namespace}:${subject.name}` : undefined
    }
    default:
      return undefined
  }
}

interface Bound<B> {
  binding: B
  subject: Subject
}

/** Bindings of one namespace (or of the cluster), by subject. */
class BindingTable<B extends RoleBinding | ClusterRoleBinding> {
  readonly #bySubject = new Map<string, Map<string, Bound<B>>>()

  put(binding: B, previous: B | undefined): void {
    if (previous) this.remove(previous)
    const namespace = binding.metadata.namespace ?? ""
    for (const subject of binding.subjects ?? []) {
      const id = subjectId(subject, namespace)
      if (!id) continue
      let bindings = this.#bySubject.get(id)
      if (!bindings) {
        bindings = new Map()
        this.#bySubject.set(id, bindings)
      }
      bindings.set(binding.metadata.name ?? "", { binding, subject })
    }
  }

  remove(binding: B): void {
    for (const subject of binding.subjects ?? []) {
      const id = subjectId(subject, binding.metadata.namespace ?? "")
      const bindings = id ? this.#bySubject.get(id) : undefined
      if (!id || !bindings) continue
      bindings.delete(binding.metadata.name ?? "")
      if (bindings.size === 0) this.#bySubject.delete(id)
    }
  }

  get isEmpty(): boolean {
    return this.#bySubject.size === 0
  }

  of(id: string): Iterable<Bound<B>> | undefined {
    return this.#bySubject.get(id)?.values()
  }
}

/**
 * Roles and bindings, kept by subject: asking what a user may costs in proportion to that user's bindings.
 * Rules of an aggregated ClusterRole are those of the roles its selectors choose.
 */
export class RbacIndex {
  readonly #roles = new Map<string, Role>()
  readonly #clusterRoles = new Map<string, ClusterRole>()
  readonly #clusterBindings = new BindingTable<ClusterRoleBinding>()
  readonly #bindings = new Map<string, BindingTable<RoleBinding>>()
  readonly #aggregated = new Map<string, readonly PolicyRule[]>()

  /** Keeps the index up to date from this source. */
  follow(source: RbacSource): void {
    source.subscribe(refs.roles, {
      add: (role) => this.#roles.set(keyText(keyOf(role)), role),
      update: (role) => this.#roles.set(keyText(keyOf(role)), role),
      delete: (role) => this.#roles.delete(keyText(keyOf(role))),
    })
    const setClusterRole = (role: ClusterRole): void => {
      this.#clusterRoles.set(role.metadata.name ?? "", role)
      this.#aggregated.clear()
    }
    source.subscribe(refs.clusterroles, {
      add: setClusterRole,
      update: setClusterRole,
      delete: (role) => {
        this.#clusterRoles.delete(role.metadata.name ?? "")
        this.#aggregated.clear()
      },
    })
    source.subscribe(refs.clusterrolebindings, {
      add: (binding) => this.#clusterBindings.put(binding, undefined),
      update: (binding, previous) => this.#clusterBindings.put(binding, previous),
      delete: (binding) => this.#clusterBindings.remove(binding),
    })
    source.subscribe(refs.rolebindings, {
      add: (binding) => this.#tableOf(binding).put(binding, undefined),
      update: (binding, previous) => this.#tableOf(binding).put(binding, previous),
      delete: (binding) => {
        const table = this.#tableOf(binding)
        table.remove(binding)
        if (table.isEmpty) this.#bindings.delete(binding.metadata.namespace ?? "")
      },
    })
  }

  /**
   * Calls `visit` with each grant that counts for the user in this namespace (cluster-wide ones alone when it is
   * empty), until it returns true. Returns whether it did.
   */
  visitGrants(user: UserInfo, namespace: string, visit: (grant: Grant) => boolean): boolean {
    const local = namespace ? this.#bindings.get(namespace) : undefined
    const visitSubject = (id: string): boolean => {
      for (const { binding, subject } of this.#clusterBindings.of(id) ?? []) {
        if (visit(this.#grant(binding, subject))) return true
      }
      for (const { binding, subject } of local?.of(id) ?? []) {
        if (visit(this.#grant(binding, subject))) return true
      }
      return false
    }
    if (visitSubject(`U:${user.name}`)) return true
    for (const group of user.groups) if (visitSubject(`G:${group}`)) return true
    return false
  }

  /** All rules that count for the user in this namespace. */
  rulesOf(user: UserInfo, namespace: string): PolicyRule[] {
    const rules: PolicyRule[] = []
    this.visitGrants(user, namespace, (grant) => {
      rules.push(...grant.rules)
      return false
    })
    return rules
  }

  /** The rules of a role; undefined when there is no such role. */
  rulesOfRole(roleRef: { kind: string; name: string }, namespace: string): readonly PolicyRule[] | undefined {
    if (roleRef.kind === "ClusterRole") return this.#clusterRules(roleRef.name, new Set())
    const role = this.#roles.get(`${namespace}/${roleRef.name}`)
    return role && (role.rules ?? [])
  }

  #grant(binding: RoleBinding | ClusterRoleBinding, subject: Subject): Grant {
    const rules = this.rulesOfRole(binding.roleRef, binding.metadata.namespace ?? "")
    return { binding, subject, rules: rules ?? [], roleFound: rules !== undefined }
  }

  #clusterRules(name: string, seen: Set<string>): readonly PolicyRule[] | undefined {
    const role = this.#clusterRoles.get(name)
    if (!role?.aggregationRule) return role && (role.rules ?? [])
    const known = this.#aggregated.get(name)
    if (known) return known
    seen.add(name)
    const rules = this.#aggregate(role.aggregationRule, seen)
    // Only the outermost is complete: inner ones may have been cut short by a cycle.
    if (seen.values().next().value === name) this.#aggregated.set(name, rules)
    return rules
  }

  #aggregate(aggregation: rbacv1.AggregationRule, seen: Set<string>): readonly PolicyRule[] {
    const selectors = (aggregation.clusterRoleSelectors ?? []).map(compileLabelSelector)
    const rules: PolicyRule[] = []
    for (const [name, role] of this.#clusterRoles) {
      if (seen.has(name) || !selectors.some((selector) => selector.matches(role.metadata.labels ?? {}))) continue
      rules.push(...(this.#clusterRules(name, seen) ?? []))
    }
    return rules
  }

  #tableOf(binding: RoleBinding): BindingTable<RoleBinding> {
    const namespace = binding.metadata.namespace ?? ""
    let table = this.#bindings.get(namespace)
    if (!table) {
      table = new BindingTable()
      this.#bindings.set(namespace, table)
    }
    return table
  }
}
