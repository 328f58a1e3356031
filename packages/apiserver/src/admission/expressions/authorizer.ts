import { type AskAuthorizer, newAuthorizerValue, newResourceCheckValue } from "@ladya/cel"
import type { UserInfo } from "../../authentication/authenticator.ts"
import type { Authorizer } from "../../authorization/authorizer.ts"
import type { AdmissionAttributes } from "../admission.ts"
import { namespaceOf } from "../dynamic/subject.ts"

function serviceAccount(namespace: string, name: string): UserInfo {
  return {
    name: `system:serviceaccount:${namespace}:${name}`,
    groups: ["system:serviceaccounts", `system:serviceaccounts:${namespace}`, "system:authenticated"],
  }
}

/** The variables `authorizer` and `authorizer.requestResource` of a request. */
export function authorizerBindings(authorizer: Authorizer, attributes: AdmissionAttributes): Record<string, unknown> {
  const { user, requested, subresource, name } = attributes
  const ask: AskAuthorizer = (query) => {
    const account = query.serviceAccount
    const answer = authorizer.authorize({
      user: account ? serviceAccount(account.namespace, account.name) : user,
      info: {
        isResource: query.path === undefined,
        path: query.path ?? "",
        verb: query.verb,
        group: query.group ?? "",
        version: "*",
        resource: query.resource ?? "",
        subresource: query.subresource ?? "",
        namespace: query.namespace ?? "",
        name: query.name ?? "",
      },
    })
    // Expressions do not wait.
    if (answer instanceof Promise) return { allowed: false, reason: "", error: "the authorizer did not answer at once" }
    return { allowed: answer.allowed, reason: answer.reason }
  }
  const asked = {
    group: requested.group,
    resource: requested.resource,
    subresource,
    namespace: namespaceOf(attributes),
    name,
  }
  return {
    authorizer: newAuthorizerValue(ask),
    "authorizer.requestResource": newResourceCheckValue(ask, asked),
  }
}
