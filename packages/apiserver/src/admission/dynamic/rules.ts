import type { AdmissionOperation } from "../admission.ts"

/** Of a webhook or of a policy; policies may name objects too. */
export interface MatchRule {
  apiGroups?: readonly string[]
  apiVersions?: readonly string[]
  operations?: readonly string[]
  resources?: readonly string[]
  resourceNames?: readonly string[]
  scope?: string
}

/** What a request is about, as rules see it: in the version it came in, or in an equivalent one. */
export interface RuleSubject {
  group: string
  version: string
  resource: string
  subresource: string
  operation: AdmissionOperation
  /** Of a namespace itself: its own name. */
  namespace: string
  name: string
}

const includes = (list: readonly string[] | undefined, value: string): boolean =>
  list !== undefined && (list.includes(value) || list.includes("*"))

// `pods` is the main resource alone, `pods/*` all of it, `*/status` one subresource of all.
function matchesResource(pattern: string, { resource, subresource }: RuleSubject): boolean {
  const [wanted = "", wantedSubresource = ""] = pattern.split("/")
  return (wanted === "*" || wanted === resource) && (wantedSubresource === "*" || wantedSubresource === subresource)
}

function matchesScope(scope: string | undefined, { resource, namespace }: RuleSubject): boolean {
  if (scope === undefined || scope === "*") return true
  const isNamespaced = resource !== "namespaces" && namespace !== ""
  return scope === "Namespaced" ? isNamespaced : scope === "Cluster" && !isNamespaced
}

export function matchesRule(rule: MatchRule, subject: RuleSubject): boolean {
  const { resourceNames } = rule
  return (
    includes(rule.operations, subject.operation) &&
    includes(rule.apiGroups, subject.group) &&
    includes(rule.apiVersions, subject.version) &&
    (rule.resources ?? []).some((pattern) => matchesResource(pattern, subject)) &&
    matchesScope(rule.scope, subject) &&
    (!resourceNames?.length || resourceNames.includes(subject.name))
  )
}
