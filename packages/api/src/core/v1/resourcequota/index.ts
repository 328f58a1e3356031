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

const scopes = [
  "BestEffort",
  "CrossNamespacePodAffinity",
  "NotBestEffort",
  "NotTerminating",
  "PriorityClass",
  "Terminating",
  "VolumeAttributesClass",
]

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

function checkScopes(errors: Errors, spec: corev1.ResourceQuotaSpec): void {
  const named = spec.scopes ?? []
  for (const scope of named) {
    if (!scopes.includes(scope)) errors.push(fieldError.invalid("spec.scopes", named, "unsupported scope"))
  }
  for (const [a, b] of [
    ["BestEffort", "NotBestEffort"],
    ["Terminating", "NotTerminating"],
  ] as const) {
    if (named.includes(a) && named.includes(b)) {
      errors.push(fieldError.invalid("spec.scopes", named, "conflicting scopes"))
    }
  }
  const path = "spec.scopeSelector.matchExpressions"
  for (const requirement of spec.scopeSelector?.matchExpressions ?? []) {
    const { scopeName, operator, values = [] } = requirement
    if (!scopes.includes(scopeName))
      errors.push(fieldError.invalid(`${path}.scopeName`, scopeName, "unsupported scope"))
    if (operator === "In" || operator === "NotIn") {
      const detail = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"
      if (values.length === 0) errors.push(fieldError.required(`${path}.values`, detail))
    } else if (operator === "Exists" || operator === "DoesNotExist") {
      const detail = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector"
      if (values.length > 0) errors.push(fieldError.invalid(`${path}.values`, values, detail))
    } else errors.push(fieldError.invalid(`${path}.operator`, operator, "not a valid selector operator"))
  }
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
