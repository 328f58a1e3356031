import type { KindDefinition } from "@ladya/api"
import type { ResourceTable } from "../../resources.ts"
import type { AdmissionAttributes } from "../admission.ts"
import { type MatchRule, matchesRule, type RuleSubject } from "./rules.ts"

const isNamespace = (kind: KindDefinition): boolean => kind.group === "" && kind.resource === "namespaces"

/** The namespace a request is in; a namespace is in itself. */
export function namespaceOf({ kind, namespace, name }: AdmissionAttributes): string {
  return isNamespace(kind) ? name : namespace
}

const known = new WeakMap<readonly KindDefinition[], Map<string, readonly KindDefinition[]>>()

/** All kinds that show the same kept objects, in the order of discovery. */
export function equivalentKinds(resources: ResourceTable, kind: KindDefinition): readonly KindDefinition[] {
  const kinds = resources.kinds()
  let byStorage = known.get(kinds)
  if (!byStorage) {
    byStorage = Map.groupBy(kinds, ({ storage }) => `${storage.group}/${storage.resource}`)
    known.set(kinds, byStorage)
  }
  return byStorage.get(`${kind.storage.group}/${kind.storage.resource}`) ?? [kind]
}

function subjectOf(attributes: AdmissionAttributes, kind: KindDefinition): RuleSubject {
  const { subresource, operation, name } = attributes
  const { group, version, resource } = kind
  return { group, version, resource, subresource, operation, namespace: namespaceOf(attributes), name }
}

/**
 * The kind in which the request is to be shown to whom the rules belong: that of the request when one matches it, else
 * with `isEquivalent` another version of the same objects. Undefined: none matches.
 */
export function matchedKind(
  resources: ResourceTable,
  attributes: AdmissionAttributes,
  rules: readonly MatchRule[],
  isEquivalent: boolean,
): KindDefinition | undefined {
  const { requested } = attributes
  const asked = subjectOf(attributes, requested)
  if (rules.some((rule) => matchesRule(rule, asked))) return requested
  if (!isEquivalent) return undefined
  const others = equivalentKinds(resources, requested).filter((kind) => kind !== requested)
  if (others.length === 0) return undefined
  for (const rule of rules) {
    const found = others.find((kind) => matchesRule(rule, subjectOf(attributes, kind)))
    if (found) return found
  }
  return undefined
}

/** The kind of what is shown: a subresource may have one of its own. */
export function shownKind(kind: KindDefinition, subresource: string): { group: string; version: string; kind: string } {
  const own = subresource ? kind.subresources.find(({ name }) => name === subresource)?.kind : undefined
  const { group, version } = kind
  return own ?? { group, version, kind: kind.kind }
}
