import type { authorizationv1 } from "@ladya/api"
import { type FieldError, fieldError, statusError } from "@ladya/apimachinery"
import type { UserInfo } from "../authentication/authenticator.ts"
import type { SpecialResource } from "../handlers/special.ts"
import type { AuthorizationAttributes, Authorizer } from "./authorizer.ts"
import { mastersGroup } from "./chain.ts"
import type { RbacIndex } from "./rbac-index.ts"

type Spec = authorizationv1.SubjectAccessReviewSpec
type Questions = Pick<Spec, "resourceAttributes" | "nonResourceAttributes">

const group = "authorization.k8s.io"

function infoOf({ resourceAttributes, nonResourceAttributes }: Questions): AuthorizationAttributes["info"] {
  const { path = "", verb: pathVerb = "" } = nonResourceAttributes ?? {}
  const empty = { group: "", version: "", resource: "", subresource: "", namespace: "", name: "" }
  if (!resourceAttributes) return { ...empty, isResource: false, path, verb: pathVerb.toLowerCase() }
  const { verb = "", namespace = "", name = "", version = "*", resource = "", subresource = "" } = resourceAttributes
  return {
    isResource: true,
    path: "",
    verb,
    group: resourceAttributes.group ?? "",
    version,
    resource,
    subresource,
    namespace,
    name,
  }
}

async function decide(
  authorizer: Authorizer,
  user: UserInfo,
  spec: Questions,
): Promise<authorizationv1.SubjectAccessReviewStatus> {
  const decision = await authorizer.authorize({ user, info: infoOf(spec) })
  return {
    allowed: decision.allowed,
    ...(decision.denied ? { denied: true } : {}),
    ...(decision.reason ? { reason: decision.reason } : {}),
  }
}

function checkQuestions(kind: string, spec: Questions, more: readonly FieldError[] = []): void {
  const errors = [...more]
  const { resourceAttributes: resource, nonResourceAttributes: path } = spec
  if (resource && path) {
    const detail = "cannot be specified in combination with resourceAttributes"
    errors.push(fieldError.invalid("spec.nonResourceAttributes", path, detail))
  } else if (!resource && !path) {
    const detail = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
    errors.push(fieldError.invalid("spec.resourceAttributes", resource ?? null, detail))
  }
  if (errors.length > 0) throw statusError.invalid({ group, kind }, "", errors)
}

function checkSubject(kind: string, spec: Spec): UserInfo {
  const missing = !spec.user && !spec.groups?.length
  const detail = "at least one of user or group must be specified"
  checkQuestions(kind, spec, missing ? [fieldError.invalid("spec.user", spec.user ?? "", detail)] : [])
  const { user = "", groups = [], uid, extra } = spec
  return { name: user, groups, ...(uid ? { uid } : {}), ...(extra ? { extra } : {}) }
}

function rulesStatus(index: RbacIndex, user: UserInfo, namespace: string): authorizationv1.SubjectRulesReviewStatus {
  const resourceRules: authorizationv1.ResourceRule[] = []
  const nonResourceRules: authorizationv1.NonResourceRule[] = []
  if (user.groups.includes(mastersGroup)) {
    resourceRules.push({ verbs: ["*"], apiGroups: ["*"], resources: ["*"] })
    nonResourceRules.push({ verbs: ["*"], nonResourceURLs: ["*"] })
  }
  for (const { verbs, apiGroups, resources, resourceNames, nonResourceURLs } of index.rulesOf(user, namespace)) {
    if (resources?.length) {
      resourceRules.push({ verbs, apiGroups: apiGroups ?? [], resources, ...(resourceNames ? { resourceNames } : {}) })
    }
    if (nonResourceURLs?.length) nonResourceRules.push({ verbs, nonResourceURLs })
  }
  return { resourceRules, nonResourceRules, incomplete: false }
}

/** The resources that are asked what somebody may, by `group/resource`. */
export function accessReviews(deps: { authorizer: Authorizer; rbac: RbacIndex }): Map<string, SpecialResource> {
  const { authorizer, rbac } = deps
  type Answer<T> = (object: T, user: UserInfo, namespace: string) => Promise<object> | object
  const review = <T extends { spec: object }>(answer: Answer<T>): SpecialResource => ({
    async create(_engine, { user, namespace, resource }, input) {
      const object = input as unknown as T
      object.spec ??= {}
      const status = await answer(object, user, namespace)
      return { type: "object", code: 201, object: { ...input, status } as typeof input, kind: resource.kind }
    },
  })
  return new Map([
    [
      `${group}/subjectaccessreviews`,
      review<authorizationv1.SubjectAccessReview>(({ spec }) =>
        decide(authorizer, checkSubject("SubjectAccessReview", spec), spec),
      ),
    ],
    [
      `${group}/localsubjectaccessreviews`,
      review<authorizationv1.LocalSubjectAccessReview>(({ spec }, _user, namespace) => {
        const subject = checkSubject("LocalSubjectAccessReview", spec)
        if (spec.nonResourceAttributes) {
          const detail = "disallowed on this kind of request"
          const error = fieldError.invalid("spec.nonResourceAttributes", spec.nonResourceAttributes, detail)
          throw statusError.invalid({ group, kind: "LocalSubjectAccessReview" }, "", [error])
        }
        if ((spec.resourceAttributes?.namespace ?? "") !== namespace) {
          throw statusError.badRequest(`spec.resourceAttributes.namespace must match namespace: ${namespace}`)
        }
        return decide(authorizer, subject, spec)
      }),
    ],
    [
      `${group}/selfsubjectaccessreviews`,
      review<authorizationv1.SelfSubjectAccessReview>(({ spec }, user) => {
        checkQuestions("SelfSubjectAccessReview", spec)
        return decide(authorizer, user, spec)
      }),
    ],
    [
      `${group}/selfsubjectrulesreviews`,
      review<authorizationv1.SelfSubjectRulesReview>(({ spec }, user) => {
        if (!spec.namespace) throw statusError.badRequest("no namespace on request")
        return rulesStatus(rbac, user, spec.namespace)
      }),
    ],
  ])
}
