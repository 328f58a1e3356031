import { CelError } from "../../runtime/errors.ts"
import type { TypedValue } from "../../runtime/values.ts"
import { opaqueType } from "../../types.ts"
import { define, type Overload } from "../overload.ts"

/** One question to the authorizer, as expressions put it together. */
export interface AuthorizationQuery {
  readonly verb: string
  readonly path?: string
  readonly group?: string
  readonly resource?: string
  readonly subresource?: string
  readonly namespace?: string
  readonly name?: string
  readonly fieldSelector?: string
  readonly labelSelector?: string
  /** Set when the question is about a service account, not the requester. */
  readonly serviceAccount?: { readonly namespace: string; readonly name: string }
}

export interface AuthorizationAnswer {
  readonly allowed: boolean
  readonly reason: string
  /** Why the question could not be answered. */
  readonly error?: string
}

export type AskAuthorizer = (query: AuthorizationQuery) => AuthorizationAnswer

const names = {
  authorizer: "kubernetes.authorization.Authorizer",
  path: "kubernetes.authorization.PathCheck",
  group: "kubernetes.authorization.GroupCheck",
  resource: "kubernetes.authorization.ResourceCheck",
  decision: "kubernetes.authorization.Decision",
} as const

/** The type of the variables `authorizer` and `authorizer.requestResource`. */
export const authorizerType = opaqueType(names.authorizer)
export const resourceCheckType = opaqueType(names.resource)

class Check implements TypedValue {
  readonly celType
  readonly ask: AskAuthorizer
  readonly query: Partial<AuthorizationQuery>
  constructor(typeName: string, ask: AskAuthorizer, query: Partial<AuthorizationQuery>) {
    this.celType = opaqueType(typeName)
    this.ask = ask
    this.query = query
  }
  with(typeName: string, more: Partial<AuthorizationQuery>): Check {
    return new Check(typeName, this.ask, { ...this.query, ...more })
  }
  equals(other: unknown): boolean {
    return other === this
  }
}

class Decision implements TypedValue {
  readonly celType = opaqueType(names.decision)
  readonly answer: AuthorizationAnswer
  constructor(answer: AuthorizationAnswer) {
    this.answer = answer
  }
  equals(other: unknown): boolean {
    return other === this
  }
}

/** The value of the variable `authorizer`; it asks synchronously. */
export const newAuthorizerValue = (ask: AskAuthorizer): unknown => new Check(names.authorizer, ask, {})

/** The value of `authorizer.requestResource`: a check of the resource that a request is about. */
export const newResourceCheckValue = (ask: AskAuthorizer, query: Partial<AuthorizationQuery>): unknown =>
  new Check(names.resource, ask, query)

function required(text: string, what: string): string {
  if (text === "") throw new CelError(`${what} must not be empty`)
  return text
}

const { authorizer, path, group, resource, decision } = names
const set = (key: keyof AuthorizationQuery) => (check: Check, text: string) => check.with(resource, { [key]: text })
/** What asking costs: it may be slow. */
const asking = { cost: () => 350_000 }

/** Questions to the authorizer. */
export const authorizerFunctions: readonly Overload[] = [
  define(`${authorizer}:path(string): ${path}`, (check: Check, text: string) =>
    check.with(path, { path: required(text, "path") }),
  ),
  define(`${authorizer}:group(string): ${group}`, (check: Check, text: string) => check.with(group, { group: text })),
  define(
    `${authorizer}:serviceAccount(string, string): ${authorizer}`,
    (check: Check, namespace: string, name: string) => check.with(authorizer, { serviceAccount: { namespace, name } }),
  ),
  define(`${group}:resource(string): ${resource}`, set("resource")),
  define(`${resource}:subresource(string): ${resource}`, set("subresource")),
  define(`${resource}:namespace(string): ${resource}`, set("namespace")),
  define(`${resource}:name(string): ${resource}`, set("name")),
  define(`${resource}:fieldSelector(string): ${resource}`, set("fieldSelector")),
  define(`${resource}:labelSelector(string): ${resource}`, set("labelSelector")),
  define(
    `${path}:check(string): ${decision}`,
    (check: Check, verb: string) => new Decision(check.ask({ ...check.query, verb })),
    asking,
  ),
  define(
    `${resource}:check(string): ${decision}`,
    (check: Check, verb: string) => new Decision(check.ask({ ...check.query, verb })),
    asking,
  ),
  define(`${decision}:allowed(): bool`, ({ answer }: Decision) => answer.allowed),
  define(`${decision}:reason(): string`, ({ answer }: Decision) => answer.reason),
  define(`${decision}:errored(): bool`, ({ answer }: Decision) => answer.error !== undefined),
  define(`${decision}:error(): string`, ({ answer }: Decision) => answer.error ?? ""),
]
