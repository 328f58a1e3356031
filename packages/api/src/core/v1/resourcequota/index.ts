import { fieldError } from "@ladya/apimachinery"
import type * as corev1 from "../../../generated/types/corev1.ts"
import type { KindBehaviour } from "../../../kind.ts"
import { ageColumn, nameColumn, text } from "../../../printing/columns.ts"
import { keepField } from "../../../strategy.ts"
import type { Errors } from "../../../validation/checks.ts"
import { checkResourceName, checkResourceQuantity } from "../../../validation/resources.ts"

type Quota = corev1.ResourceQuota

const standard = new Set([
  "cpu",
  "memory",
  "ephemeral-storage",
  "requests.cpu",
  "requests.memory",
  "requests.storage",
  "requests.ephemeral-storage",
  "limits.cpu",
  "limits.memory",
  "limits.ephemeral-storage",
  "pods",
  "resourcequotas",
  "services",
  "replicationcontrollers",
  "secrets",
  "persistentvolumeclaims",
  "configmaps",
  "services.nodeports",
  "services.loadbalancers",
])

function checkList(errors: Errors, path: string, list: Readonly<Record<string, string>> | undefined): void {
  for (const [name, value] of Object.entries(list ?? {})) {
    const at = `${path}[${name}]`
    checkResourceName(errors, at, name)
    if (!name.includes("/") && !standard.has(name) && !/^(requests\.)?hugepages-/.test(name)) {
      errors.push(fieldError.invalid(at, name, "must be a standard resource for quota"))
    }
    checkResourceQuantity(errors, at, name, value)
  }
}

const compute = ["cpu", "memory", "limits.cpu", "limits.memory", "requests.cpu", "requests.memory"]

/** The standard resources that a scope may narrow down. */
const scoped: Readonly<Record<string, readonly string[]>> = {
  BestEffort: ["pods"],
  CrossNamespacePodAffinity: ["pods", ...compute],
  NotBestEffort: ["pods", ...compute],
  NotTerminating: ["pods", ...compute],
  PriorityClass: ["pods", ...compute],
  Terminating: ["pods", ...compute],
  VolumeAttributesClass: ["persistentvolumeclaims", "requests.storage"],
}

/** Scopes that a pod is in or not: they have no values. */
const plainScopes = ["BestEffort", "CrossNamespacePodAffinity", "NotBestEffort", "NotTerminating", "Terminating"]

function checkScope(errors: Errors, path: string, shown: unknown, scope: string, spec: corev1.ResourceQuotaSpec): void {
  const resources = scoped[scope]
  if (!resources) {
    errors.push(fieldError.invalid(path, shown, "unsupported scope"))
    return
  }
  for (const name of Object.keys(spec.hard ?? {}).sort()) {
    if (!standard.has(name) || resources.includes(name)) continue
    errors.push(fieldError.invalid(path, shown, "unsupported scope applied to resource"))
  }
}

function checkConflicts(errors: Errors, path: string, shown: unknown, named: readonly string[]): void {
  for (const [a, b] of [
    ["BestEffort", "NotBestEffort"],
    ["Terminating", "NotTerminating"],
  ] as const) {
    if (named.includes(a) && named.includes(b)) errors.push(fieldError.invalid(path, shown, "conflicting scopes"))
  }
}

function checkScopes(errors: Errors, spec: corev1.ResourceQuotaSpec): void {
  const named = spec.scopes ?? []
  for (const scope of named) checkScope(errors, "spec.scopes", named, scope, spec)
  checkConflicts(errors, "spec.scopes", named, named)
  const path = "spec.scopeSelector.matchExpressions"
  const requirements = spec.scopeSelector?.matchExpressions ?? []
  for (const { scopeName, operator, values = [] } of requirements) {
    checkScope(errors, `${path}.scopeName`, scopeName, scopeName, spec)
    if (plainScopes.includes(scopeName) && operator !== "Exists") {
      const detail =
        "must be 'Exist' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity"
      errors.push(fieldError.invalid(`${path}.operator`, operator, detail))
    }
    if (operator === "In" || operator === "NotIn") {
      const detail = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"
      if (values.length === 0) errors.push(fieldError.required(`${path}.values`, detail))
    } else if (operator === "Exists" || operator === "DoesNotExist") {
      const detail = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector"
      if (values.length > 0) errors.push(fieldError.invalid(`${path}.values`, values, detail))
    } else errors.push(fieldError.invalid(`${path}.operator`, operator, "not a valid selector operator"))
  }
  const selected = requirements.map(({ scopeName }) => scopeName)
  checkConflicts(errors, path, requirements, selected)
}

function usageText({ status }: Quota, limits: boolean): string {
  return Object.keys(status?.hard ?? {})
    .filter((name) => name.startsWith("limits.") === limits)
    .sort()
    .map((name) => `${name}: ${status?.used?.[name] ?? "0"}/${status?.hard?.[name]}`)
    .join(", ")
}

export const resourceQuota: KindBehaviour<Quota> = {
  default(draft) {
    draft.spec ??= {}
    draft.status ??= {}
  },
  prepareForCreate(draft) {
    draft.status = {}
  },
  prepareForUpdate: (draft, previous) => keepField(draft, previous, "status"),
  prepareForStatusUpdate: (draft, previous) => keepField(draft, previous, "spec"),
  validate(next, previous) {
    const errors: Errors = []
    const spec = next.spec ?? {}
    checkList(errors, "spec.hard", spec.hard)
    checkScopes(errors, spec)
    if (previous) {
      const text = (list: readonly string[] | undefined): string => [...(list ?? [])].sort().join()
      if (text(spec.scopes) !== text(previous.spec?.scopes)) {
        errors.push(fieldError.invalid("spec.scopes", spec.scopes, "field is immutable"))
      }
    }
    return errors
  },
  validateStatus({ status }) {
    const errors: Errors = []
    checkList(errors, "status.hard", status?.hard)
    checkList(errors, "status.used", status?.used)
    return errors
  },
  columns: [
    nameColumn,
    text("Request", (quota) => usageText(quota, false)),
    text("Limit", (quota) => usageText(quota, true)),
    ageColumn,
  ],
}
