import { compileLabelSelector, type KubeObject, type metav1, type Selector, statusError } from "@ladya/apimachinery"
import type { ResourceTable } from "../../resources.ts"
import type { AdmissionAttributes } from "../admission.ts"
import { namespaceOf } from "./subject.ts"

const isEmpty = (selector: metav1.LabelSelector | undefined): boolean =>
  !selector || (Object.keys(selector.matchLabels ?? {}).length === 0 && !selector.matchExpressions?.length)

const matches = (selector: Selector, object: KubeObject | undefined): boolean =>
  object !== undefined && selector.matches(object.metadata?.labels)

/** Whether the object, as it is or as it was, has the labels. */
export function matchesObject(
  selector: metav1.LabelSelector | undefined,
  { object, previous }: AdmissionAttributes,
): boolean {
  if (isEmpty(selector)) return true
  const compiled = compileLabelSelector(selector)
  return matches(compiled, object) || matches(compiled, previous)
}

/** The namespace a request is in, from memory; undefined when it is in none, or that is not there. */
export async function findNamespace(
  resources: ResourceTable,
  attributes: AdmissionAttributes,
): Promise<KubeObject | undefined> {
  const name = namespaceOf(attributes)
  if (!name) return undefined
  const storage = resources.storage("", "namespaces")
  const loading = storage.cache.ready()
  if (loading) await loading
  // One that was made a moment ago, through another server, may not be known yet.
  const entry = storage.cache.get(name) ?? (await storage.get(name))
  return entry?.object
}

/**
 * Whether the namespace has the labels; what is in none matches. Throws a 404 Status when it should be there and is not.
 */
export async function matchesNamespace(
  resources: ResourceTable,
  selector: metav1.LabelSelector | undefined,
  attributes: AdmissionAttributes,
): Promise<boolean> {
  const name = namespaceOf(attributes)
  if (!name || isEmpty(selector)) return true
  const compiled = compileLabelSelector(selector)
  const { kind, subresource, operation, object } = attributes
  const isItself = kind.group === "" && kind.resource === "namespaces"
  // One that is being made or changed counts as it is going to be.
  if (isItself && subresource === "" && (operation === "CREATE" || operation === "UPDATE")) {
    return matches(compiled, object)
  }
  const found = await findNamespace(resources, attributes)
  if (!found) throw statusError.notFound({ group: "", resource: "namespaces" }, name)
  return matches(compiled, found)
}
