import type { KindDefinition } from "@ladya/api"
import type { UserInfo } from "../../authentication/authenticator.ts"
import type { AdmissionAttributes } from "../admission.ts"
import { namespaceOf, shownKind } from "./subject.ts"

const resourceOf = ({ group, version, resource }: KindDefinition) => ({ group, version, resource })

function userOf({ name, uid, groups, extra }: UserInfo): object {
  return {
    username: name,
    ...(uid ? { uid } : {}),
    ...(groups.length > 0 ? { groups } : {}),
    ...(extra && Object.keys(extra).length > 0 ? { extra } : {}),
  }
}

/** A request as webhooks are told of it, without the objects and the uid; expressions see the same as `request`. */
export function admissionRequest(attributes: AdmissionAttributes, shownAs: KindDefinition): Record<string, unknown> {
  const { requested, subresource, name, operation, user, dryRun, view } = attributes
  const kindOf = (kind: KindDefinition) => {
    const { group, version, kind: name } = view ?? shownKind(kind, subresource)
    return { group, version, kind: name }
  }
  const namespace = namespaceOf(attributes)
  return {
    kind: kindOf(shownAs),
    resource: resourceOf(shownAs),
    ...(subresource ? { subResource: subresource } : {}),
    requestKind: kindOf(requested),
    requestResource: resourceOf(requested),
    ...(subresource ? { requestSubResource: subresource } : {}),
    ...(name ? { name } : {}),
    ...(namespace ? { namespace } : {}),
    operation,
    userInfo: userOf(user),
    dryRun,
    options: operation === "CONNECT" ? null : attributes.options(),
  }
}
