import { statusError } from "@ladya/apimachinery"
import type { UserInfo } from "../authentication/authenticator.ts"
import type { AuthorizationAttributes, Authorizer } from "../authorization/authorizer.ts"
import type { ApiRequest, Filter } from "../request.ts"
import { authorize } from "./authorize.ts"

const extraPrefix = "impersonate-extra-"

/** `kubectl --as`: the request goes on as somebody else, when its maker may be them. Throws 400 and 403 Statuses. */
export function withImpersonation(authorizer: Authorizer): Filter {
  return (next) => async (request) => {
    if (!isWanted(request)) return next(request)
    const wanted = readWanted(request)
    const { user } = request
    if (!user) throw new Error("impersonation comes after authentication")
    for (const attributes of rightsNeeded(user, wanted)) await authorize(authorizer, attributes)
    request.user = wanted
    return next(request)
  }
}

function isWanted({ headers }: ApiRequest): boolean {
  if (headers["impersonate-user"] !== undefined) return true
  for (const name in headers) if (name.startsWith("impersonate-")) return true
  return false
}

function readWanted({ headers }: ApiRequest): UserInfo {
  const name = headers["impersonate-user"]
  if (!name) {
    throw statusError.badRequest("requested impersonation without naming a user: the Impersonate-User header is needed")
  }
  const list = (value: string | undefined): string[] =>
    (value ?? "")
      .split(",")
      .map((part) => part.trim())
      .filter((part) => part !== "")
  const groups = list(headers["impersonate-group"])
  const account = /^system:serviceaccount:([^:]+):[^:]+$/.exec(name)
  if (account && groups.length === 0) groups.push("system:serviceaccounts", `system:serviceaccounts:${account[1]}`)
  const isKnown = name !== "system:anonymous"
  const authenticated = isKnown ? "system:authenticated" : "system:unauthenticated"
  if (!groups.includes(authenticated)) groups.push(authenticated)
  const extra: Record<string, string[]> = {}
  for (const [header, value] of Object.entries(headers)) {
    if (header.startsWith(extraPrefix)) extra[decodeURIComponent(header.slice(extraPrefix.length))] = list(value)
  }
  const uid = headers["impersonate-uid"]
  return { name, groups, ...(uid ? { uid } : {}), ...(Object.keys(extra).length > 0 ? { extra } : {}) }
}

function* rightsNeeded(user: UserInfo, wanted: UserInfo): Generator<AuthorizationAttributes> {
  const right = (
    resource: string,
    name: string,
    options: { group?: string; version?: string; namespace?: string; subresource?: string } = {},
  ): AuthorizationAttributes => ({
    user,
    info: {
      isResource: true,
      path: "",
      verb: "impersonate",
      group: options.group ?? "",
      version: options.version ?? "v1",
      resource,
      subresource: options.subresource ?? "",
      namespace: options.namespace ?? "",
      name,
    },
  })
  const account = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(wanted.name)
  if (account) yield right("serviceaccounts", account[2] as string, { namespace: account[1] as string })
  else yield right("users", wanted.name)
  const group = "authentication.k8s.io"
  for (const name of wanted.groups) {
    const isImplied =
      name === "system:authenticated" ||
      name === "system:unauthenticated" ||
      (account && (name === "system:serviceaccounts" || name === `system:serviceaccounts:${account[1]}`))
    if (!isImplied) yield right("groups", name)
  }
  if (wanted.uid) yield right("uids", wanted.uid, { group })
  for (const [key, values] of Object.entries(wanted.extra ?? {})) {
    for (const value of values) yield right("userextras", value, { group, subresource: key })
  }
}
