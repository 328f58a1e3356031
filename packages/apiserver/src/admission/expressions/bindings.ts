import type { KindDefinition } from "@ladya/api"
import type { KubeObject } from "@ladya/apimachinery"
import type { Authorizer } from "../../authorization/authorizer.ts"
import type { AdmissionAttributes } from "../admission.ts"
import { admissionRequest } from "../dynamic/request.ts"
import type { ShownObjects } from "../dynamic/versions.ts"
import { authorizerBindings } from "./authorizer.ts"

export type Bindings = Record<string, unknown>

/** The variables that every expression of admission has. */
export function requestBindings(
  authorizer: Authorizer,
  attributes: AdmissionAttributes,
  shownAs: KindDefinition,
  { object, oldObject }: ShownObjects,
): Bindings {
  return {
    object: object ?? null,
    oldObject: oldObject ?? null,
    request: admissionRequest(attributes, shownAs),
    namespaceObject: null,
    ...authorizerBindings(authorizer, attributes),
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
