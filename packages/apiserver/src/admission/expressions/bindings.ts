import type { KindDefinition } from "@ladya/api"
import type { KubeObject } from "@ladya/apimachinery"
import type { Authorizer } from "../../authorization/authorizer.ts"
import type { AdmissionAttributes } from "../admission.ts"
import { admissionRequest } from "../dynamic/request.ts"
import type { ShownObjects } from "../dynamic/versions.ts"
import { authorizerBindings } from "./authorizer.ts"

/** Values by the names of variables. Some are made when they are first asked for: derive from them, do not copy them. */
export type Bindings = Readonly<Record<string, unknown>>

/** The same bindings with some more. */
export function withBindings(bindings: Bindings, more: Bindings): Bindings {
  return Object.assign(Object.create(bindings) as Record<string, unknown>, more)
}

/** The variables that every expression of admission has. Most expressions use few of them. */
export function requestBindings(
  authorizer: Authorizer,
  attributes: AdmissionAttributes,
  shownAs: KindDefinition,
  { object, oldObject }: ShownObjects,
): Bindings {
  let request: unknown
  let checks: Bindings | undefined
  const authorization = (name: string): unknown => {
    checks ??= authorizerBindings(authorizer, attributes)
    return checks[name]
  }
  return {
    object: object ?? null,
    oldObject: oldObject ?? null,
    namespaceObject: null,
    get request() {
      request ??= admissionRequest(attributes, shownAs)
      return request
    },
    get authorizer() {
      return authorization("authorizer")
    },
    get ["authorizer.requestResource"]() {
      return authorization("authorizer.requestResource")
    },
  }
}

type Namespace = KubeObject & { spec?: { finalizers?: string[] }; status?: { phase?: string } }

/** A namespace as the variable `namespaceObject` shows it. */
export function namespaceBinding(namespace: KubeObject | undefined): unknown {
  if (!namespace) return null
  const { metadata, spec, status } = namespace as Namespace
  const { managedFields: _managed, ownerReferences: _owners, selfLink: _link, uid, ...shown } = metadata
  return {
    metadata: { ...shown, ...(uid ? { UID: uid } : {}) },
    ...(spec?.finalizers ? { spec: { finalizers: spec.finalizers } } : {}),
    ...(status?.phase ? { status: { phase: status.phase } } : {}),
  }
}
