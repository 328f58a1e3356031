import type { admissionregistrationv1, KindDefinition } from "@ladya/api"
import type { ResourceTable } from "../../resources.ts"
import type { AdmissionAttributes } from "../admission.ts"
import { matchesNamespace, matchesObject } from "../dynamic/selectors.ts"
import { matchedKind } from "../dynamic/subject.ts"

/**
 * The version in which a policy or a binding is to see the request; undefined when it is not about it. Throws a 404
 * Status for a namespace that is not there.
 */
export async function matchResources(
  resources: ResourceTable,
  attributes: AdmissionAttributes,
  match: admissionregistrationv1.MatchResources | undefined,
): Promise<KindDefinition | undefined> {
  if (!match) return attributes.requested
  const isEquivalent = match.matchPolicy !== "Exact"
  const rules = match.resourceRules ?? []
  const kind = rules.length === 0 ? attributes.requested : matchedKind(resources, attributes, rules, isEquivalent)
  if (!kind || !matchesObject(match.objectSelector, attributes)) return undefined
  const excluded = match.excludeResourceRules ?? []
  if (excluded.length > 0 && matchedKind(resources, attributes, excluded, isEquivalent)) return undefined
  return (await matchesNamespace(resources, match.namespaceSelector, attributes)) ? kind : undefined
}
