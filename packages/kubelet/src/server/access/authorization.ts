import { type authorizationv1, refs } from "@ladya/api"
import type { Client } from "@ladya/client"
import type { Clock } from "@ladya/util"
import type { User } from "./authentication.ts"
import { AnswerCache } from "./cache.ts"

export interface AccessRequest {
  user: User
  /** HTTP method. */
  method: string
  path: string
}

/** What a request wants of the API resource `nodes`. */
export interface NodeAttributes {
  verb: string
  /** In order: access to any of them will do. */
  subresources: readonly string[]
}

const verbs: Readonly<Record<string, string>> = {
  POST: "create",
  GET: "get",
  HEAD: "get",
  PUT: "update",
  PATCH: "patch",
  DELETE: "delete",
  CONNECT: "create",
}

/** The subresources of `nodes` by path; whatever is not named is `proxy`. */
const subresources: readonly (readonly [prefix: string, subresources: readonly string[]])[] = [
  ["/stats", ["stats"]],
  ["/metrics", ["metrics"]],
  ["/logs", ["log"]],
  ["/healthz", ["healthz", "proxy"]],
  ["/configz", ["configz", "proxy"]],
  ["/pods", ["pods", "proxy"]],
  ["/runningpods", ["pods", "proxy"]],
]

export function nodeAttributes(method: string, path: string): NodeAttributes {
  const match = subresources.find(([prefix]) => path === prefix || path.startsWith(`${prefix}/`))
  return { verb: verbs[method] ?? "", subresources: match?.[1] ?? ["proxy"] }
}

/** Undefined when it is allowed, otherwise why not. Throws when the API server cannot be asked. */
export type Authorizer = (request: AccessRequest) => Promise<string | undefined>

const allowedForMs = 5 * 60_000
const deniedForMs = 30_000

/** Asks the API server by SubjectAccessReview. */
export function newAuthorizer(deps: { client: Client; clock: Clock; nodeName: string }): Authorizer {
  const cache = new AnswerCache<boolean>(deps.clock)

  const review = async (user: User, verb: string, subresource: string): Promise<boolean> => {
    const request: authorizationv1.SubjectAccessReview = {
      apiVersion: "authorization.k8s.io/v1",
      kind: "SubjectAccessReview",
      metadata: {},
      spec: {
        user: user.name,
        groups: [...user.groups],
        ...(user.uid ? { uid: user.uid } : {}),
        ...(user.extra
          ? { extra: Object.fromEntries(Object.entries(user.extra).map(([name, values]) => [name, [...values]])) }
          : {}),
        resourceAttributes: { group: "", version: "v1", resource: "nodes", subresource, name: deps.nodeName, verb },
      },
    }
    return (await deps.client.resource(refs.subjectaccessreviews).create(request)).status?.allowed ?? false
  }

  return async ({ user, method, path }) => {
    // The API server allows its administrators everything; so do we, even while it cannot be asked.
    if (user.groups.includes("system:masters")) return undefined
    const attributes = nodeAttributes(method, path)
    for (const subresource of attributes.subresources) {
      const allowed = await cache.get(
        JSON.stringify([user.name, user.uid, user.groups, user.extra, attributes.verb, subresource]),
        () => review(user, attributes.verb, subresource),
        (answer) => (answer ? allowedForMs : deniedForMs),
      )
      if (allowed) return undefined
    }
    const subresource = attributes.subresources.at(-1)
    return `Forbidden (user=${user.name}, verb=${attributes.verb}, resource=nodes, subresource=${subresource})`
  }
}
