import type { rbacv1 } from "@ladya/api"
import type { AuthorizationAttributes } from "./authorizer.ts"

export type PolicyRule = rbacv1.PolicyRule
type Info = AuthorizationAttributes["info"]

const has = (values: readonly string[] | undefined, value: string): boolean => values?.includes(value) ?? false

/** `resource/subresource`, or the resource alone. */
export function fullResource(info: Pick<Info, "resource" | "subresource">): string {
  return info.subresource ? `${info.resource}/${info.subresource}` : info.resource
}

/** A path, or one that ends in `*` and stands for all that begin so. */
export function pathMatches(pattern: string, path: string): boolean {
  if (pattern === "*" || pattern === path) return true
  return pattern.endsWith("*") && path.startsWith(pattern.slice(0, -1))
}

/** `*`, the very resource, or one subresource of all (`*` and `/scale`). */
function resourceMatches(rule: PolicyRule, info: Info): boolean {
  const { resources } = rule
  if (!resources) return false
  const full = fullResource(info)
  for (const resource of resources) {
    if (resource === "*" || resource === full) return true
    if (info.subresource && resource === `*/${info.subresource}`) return true
  }
  return false
}

/** Whether one rule allows what is asked. */
export function ruleAllows(rule: PolicyRule, info: Info): boolean {
  if (!has(rule.verbs, info.verb) && !has(rule.verbs, "*")) return false
  if (!info.isResource) return rule.nonResourceURLs?.some((pattern) => pathMatches(pattern, info.path)) ?? false
  if (!has(rule.apiGroups, info.group) && !has(rule.apiGroups, "*")) return false
  if (!resourceMatches(rule, info)) return false
  return !rule.resourceNames?.length || rule.resourceNames.includes(info.name)
}

/** The rule as rules of one group, resource, name and verb each. */
function atoms(rule: PolicyRule): PolicyRule[] {
  const result: PolicyRule[] = []
  for (const verb of rule.verbs ?? []) {
    for (const url of rule.nonResourceURLs ?? []) result.push({ nonResourceURLs: [url], verbs: [verb] })
    for (const group of rule.apiGroups ?? []) {
      for (const resource of rule.resources ?? []) {
        const atom: PolicyRule = { apiGroups: [group], resources: [resource], verbs: [verb] }
        if (!rule.resourceNames?.length) result.push(atom)
        else for (const name of rule.resourceNames) result.push({ ...atom, resourceNames: [name] })
      }
    }
  }
  return result
}

function atomCovered(owner: PolicyRule, atom: PolicyRule): boolean {
  if (!has(owner.verbs, "*") && !has(owner.verbs, atom.verbs[0]!)) return false
  const url = atom.nonResourceURLs?.[0]
  if (url !== undefined) {
    return (
      owner.nonResourceURLs?.some(
        (pattern) =>
          pattern === url || pattern === "*" || (pattern.endsWith("*") && url.startsWith(pattern.slice(0, -1))),
      ) ?? false
    )
  }
  if (!has(owner.apiGroups, "*") && !has(owner.apiGroups, atom.apiGroups![0]!)) return false
  const resource = atom.resources![0]!
  const slash = resource.indexOf("/")
  const everyone = slash >= 0 ? `*${resource.slice(slash)}` : undefined
  if (
    !has(owner.resources, "*") &&
    !has(owner.resources, resource) &&
    !(everyone !== undefined && has(owner.resources, everyone))
  ) {
    return false
  }
  const name = atom.resourceNames?.[0]
  return !owner.resourceNames?.length || (name !== undefined && owner.resourceNames.includes(name))
}

/** What of `wanted` is not covered by `owned`: rules of one resource each, verbs together. Empty when all is covered. */
export function uncovered(owned: readonly PolicyRule[], wanted: readonly PolicyRule[]): PolicyRule[] {
  const missing = new Map<string, PolicyRule>()
  for (const atom of wanted.flatMap(atoms)) {
    if (owned.some((owner) => atomCovered(owner, atom))) continue
    const id = JSON.stringify([atom.apiGroups, atom.resources, atom.resourceNames, atom.nonResourceURLs])
    const known = missing.get(id)
    if (!known) missing.set(id, atom)
    else if (!known.verbs.includes(atom.verbs[0]!)) known.verbs.push(atom.verbs[0]!)
  }
  return [...missing.values()]
}

/** `["a" "b"]` */
export function quotedList(values: readonly string[]): string {
  return `[${values.map((value) => JSON.stringify(value)).join(" ")}]`
}

/** `{APIGroups:["apps"], Resources:["deployments"], Verbs:["get" "list"]}` */
export function ruleText(rule: PolicyRule): string {
  const parts: string[] = []
  if (rule.apiGroups?.length) parts.push(`APIGroups:${quotedList(rule.apiGroups)}`)
  if (rule.resources?.length) parts.push(`Resources:${quotedList(rule.resources)}`)
  if (rule.nonResourceURLs?.length) parts.push(`NonResourceURLs:${quotedList(rule.nonResourceURLs)}`)
  if (rule.resourceNames?.length) parts.push(`ResourceNames:${quotedList(rule.resourceNames)}`)
  if (rule.verbs?.length) parts.push(`Verbs:${quotedList(rule.verbs)}`)
  return `{${parts.join(", ")}}`
}
