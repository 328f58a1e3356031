import { type authenticationv1, type corev1, refs } from "@ladya/api"
import {
  type FieldError,
  fieldError,
  formatTime,
  type KubeObject,
  newStatusError,
  statusError,
} from "@ladya/apimachinery"
import type { Clock } from "@ladya/util"
import type { SpecialResource } from "../handlers/special.ts"
import type { Lookup } from "../lookup.ts"
import type { KubernetesClaim, TokenIssuer } from "./service-account-tokens.ts"

type TokenRequest = authenticationv1.TokenRequest

export interface TokenRequestDeps {
  issuer: TokenIssuer
  lookup: Lookup
  clock: Clock
  /** What a token is good for when the request does not say. */
  audiences: readonly string[]
}

const defaultSeconds = 3600
const minSeconds = 600
const maxSeconds = 2 ** 32
/** What a projected volume asks for: a kubelet renews these, but what runs in the pod may not read them again. */
const podTokenSeconds = 3607
const podTokenExtendedSeconds = 365 * 24 * 3600

function check(name: string, { expirationSeconds = defaultSeconds }: NonNullable<TokenRequest["spec"]>): void {
  const path = "spec.expirationSeconds"
  const errors: FieldError[] = []
  if (expirationSeconds < minSeconds) {
    errors.push(fieldError.invalid(path, expirationSeconds, "may not specify a duration less than 10 minutes"))
  }
  if (expirationSeconds > maxSeconds) {
    errors.push(fieldError.invalid(path, expirationSeconds, "may not specify a duration larger than 2^32 seconds"))
  }
  if (errors.length > 0)
    throw statusError.invalid({ group: "authentication.k8s.io", kind: "TokenRequest" }, name, errors)
}

const named = (object: KubeObject): { name: string; uid: string } => ({
  name: object.metadata.name ?? "",
  uid: object.metadata.uid ?? "",
})

/** `serviceaccounts/token`: makes a token for the account, bound to a pod, secret or node when asked to. */
export function tokenRequests(deps: TokenRequestDeps): Map<string, SpecialResource> {
  const { issuer, lookup, clock } = deps
  const input = {
    group: "authentication.k8s.io",
    version: "v1",
    kind: "TokenRequest",
    type: "io.k8s.api.authentication.v1.TokenRequest",
  }
  const special: SpecialResource = {
    input,
    async create(_engine, operation, object) {
      const { namespace, name } = operation
      const request = object as TokenRequest
      const spec = request.spec ?? {}
      checkPlace(request, namespace, name)
      check(name, spec)
      const account = await lookup.get(refs.serviceaccounts, namespace, name)
      if (!account) throw statusError.notFound(refs.serviceaccounts, name)
      const claim = await bind(lookup, account, spec.boundObjectRef)
      const wantedSeconds = spec.expirationSeconds ?? defaultSeconds
      const audiences = spec.audiences?.length ? spec.audiences : deps.audiences
      const isForApi = audiences.every((audience) => deps.audiences.includes(audience))
      const isExtended = claim.pod !== undefined && wantedSeconds === podTokenSeconds && isForApi
      if (isExtended) claim.warnafter = Math.floor(clock.now() / 1000) + wantedSeconds
      const lifetimeSeconds = isExtended ? podTokenExtendedSeconds : wantedSeconds
      const { token } = issuer.issue({ claim, audiences, lifetimeSeconds })
      const answer: TokenRequest = {
        apiVersion: "authentication.k8s.io/v1",
        kind: "TokenRequest",
        metadata: { name, namespace, creationTimestamp: formatTime(clock.now()) },
        spec: { ...spec, audiences: [...audiences], expirationSeconds: wantedSeconds },
        // When to renew it, whatever grace it has behind that.
        status: { token, expirationTimestamp: formatTime(clock.now() + wantedSeconds * 1000) },
      }
      return { type: "object", code: 201, object: answer, kind: undefined }
    },
  }
  return new Map([["/serviceaccounts/token", special]])
}

function checkPlace({ metadata }: TokenRequest, namespace: string, name: string): void {
  if (metadata?.name && metadata.name !== name) {
    throw statusError.badRequest(
      `name in URL does not match name in TokenRequest object: ${JSON.stringify(name)} and ${JSON.stringify(metadata.name)}`,
    )
  }
  if (metadata?.namespace && metadata.namespace !== namespace) {
    throw statusError.badRequest(
      `namespace in URL does not match namespace in TokenRequest object: ${JSON.stringify(namespace)} and ${JSON.stringify(metadata.namespace)}`,
    )
  }
}

async function bind(
  lookup: Lookup,
  account: corev1.ServiceAccount,
  wanted: authenticationv1.BoundObjectReference | undefined,
): Promise<KubernetesClaim> {
  const namespace = account.metadata.namespace ?? ""
  const claim: KubernetesClaim = { namespace, serviceaccount: named(account) }
  if (!wanted) return claim
  const { apiVersion = "v1", kind = "", name = "", uid } = wanted
  if (apiVersion !== "v1" || !["Pod", "Secret", "Node"].includes(kind)) {
    throw statusError.badRequest(`cannot bind token to object of type ${apiVersion}, Kind=${kind}`)
  }
  const ref = kind === "Pod" ? refs.pods : kind === "Secret" ? refs.secrets : refs.nodes
  const object = await lookup.get<KubeObject>(ref, kind === "Node" ? "" : namespace, name)
  if (!object) throw statusError.notFound(ref, name)
  if (uid && uid !== object.metadata.uid) {
    throw newStatusError(
      "Conflict",
      `the UID in the bound object reference (${uid}) does not match the UID in record. The object might have been deleted and then recreated`,
    )
  }
  if (kind === "Pod") await bindPod(lookup, claim, object as corev1.Pod)
  else if (kind === "Secret") claim.secret = named(object)
  else claim.node = named(object)
  return claim
}

async function bindPod(lookup: Lookup, claim: KubernetesClaim, pod: corev1.Pod): Promise<void> {
  const { name } = claim.serviceaccount
  if (pod.spec?.serviceAccountName !== name) {
    throw statusError.badRequest(
      `cannot bind token for serviceaccount ${JSON.stringify(name)} to pod running with different serviceaccount name.`,
    )
  }
  claim.pod = named(pod)
  const { nodeName } = pod.spec
  if (!nodeName) return
  const node = await lookup.get(refs.nodes, "", nodeName)
  claim.node = { name: nodeName, uid: node?.metadata.uid ?? "" }
}
