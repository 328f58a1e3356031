import type { KindDefinition } from "@ladya/api"
import type { ResourceTable } from "../../resources.ts"
import type { AdmissionAttributes } from "../admission.ts"
import { matchesNamespace, matchesObject } from "../dynamic/selectors.ts"
import { matchedKind } from "../dynamic/subject.ts"
import type { Hook } from "./hooks.ts"

/**
 * The version in which the webhook is to see the request; undefined when it does not care for it. Conditions are not
 * looked at here. Throws a 404 Status for a namespace that is not there.
 */
export async function matchHook(
  resources: ResourceTable,
  attributes: AdmissionAttributes,
  { webhook }: Hook,
): Promise<KindDefinition | undefined> {
  // Rules first: they are what most requests fail.
  const isEquivalent = webhook.matchPolicy !== "Exact"
  const kind = matchedKind(resources, attributes, webhook.rules ?? [], isEquivalent)
  if (!kind || !matchesObject(webhook.objectSelector, attributes)) return undefined
  return (await matchesNamespace(resources, webhook.namespaceSelector, attributes)) ? kind : undefined
}
