import type { KindDefinition } from "@ladya/api"
import { statusError } from "@ladya/apimachinery"
import type { Authorizer } from "../../authorization/authorizer.ts"
import type { ResourceTable } from "../../resources.ts"
import type { AdmissionAttributes } from "../admission.ts"
import { findNamespace } from "../dynamic/selectors.ts"
import type { ShownObjects } from "../dynamic/versions.ts"
import { type Bindings, namespaceBinding, requestBindings, withBindings } from "../expressions/bindings.ts"

/** The variables of a policy's expressions, without parameters and variables of its own. Throws a 404 Status. */
export async function policyBindings(
  deps: { resources: ResourceTable; authorizer: Authorizer },
  attributes: AdmissionAttributes,
  shownAs: KindDefinition,
  shown: ShownObjects,
): Promise<Bindings> {
  const bindings = requestBindings(deps.authorizer, attributes, shownAs, shown)
  // A namespace is in none.
  if (!attributes.kind.namespaced || !attributes.namespace) return bindings
  const namespace = await findNamespace(deps.resources, attributes)
  if (!namespace) throw statusError.notFound({ group: "", resource: "namespaces" }, attributes.namespace)
  return withBindings(bindings, { namespaceObject: namespaceBinding(namespace) })
}
