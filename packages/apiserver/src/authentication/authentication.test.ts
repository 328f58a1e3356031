import assert from "node:assert/strict"
import { generateKeyPairSync } from "node:crypto"
import { describe, test } from "node:test"
import { type authenticationv1, type corev1, refs } from "@ladya/api"
import type { KubeObject } from "@ladya/apimachinery"
import { MemoryTransport, newClient } from "@ladya/client"
import { FakeClock, silentLogger } from "@ladya/util"
import type { Engine, Operation } from "../handlers/operation.ts"
import { newLookup } from "../lookup.ts"
import { issueCertificate, newAuthority } from "../pki/issue.ts"
import type { ApiRequest } from "../request.ts"
import { ClientCertificateAuthenticator } from "./client-certificate-authenticator.ts"
import { newTokenKey, signToken, verifyToken } from "./jwt.ts"
import { identityReviews } from "./reviews.ts"
import { ServiceAccountAuthenticator } from "./service-account-authenticator.ts"
import { TokenIssuer } from "./service-account-tokens.ts"
import { tokenRequests } from "./token-request.ts"
import { TokenVerifier } from "./token-verifier.ts"

const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" })
const other = generateKeyPairSync("ec", { namedCurve: "P-256" })
const audience = "https://kubernetes.default.svc.cluster.local"

const engine = { admission: [] as Engine["admission"] } as Engine

const legacyWish = (account: corev1.ServiceAccount) => ({
  namespace: "a",
  serviceAccountName: "robot",
  serviceAccountUid: account.metadata.uid ?? "",
  secretName: "s",
})
const requestWith = (parts: Partial<ApiRequest>): ApiRequest =>
  ({ headers: {}, clientCertificates: [], remoteAddress: "192.0.2.1", ...parts }) as ApiRequest
const withToken = (token: string): ApiRequest => requestWith({ headers: { authorization: `Bearer ${token}` } })

async function setUp() {
  const clock = new FakeClock()
  const client = newClient(new MemoryTransport(clock))
  const lookup = newLookup(client)
  const issuer = new TokenIssuer({ key: privateKey, clock })
  const verifier = new TokenVerifier({ keys: [publicKey], lookup, clock })
  const authenticator = new ServiceAccountAuthenticator({ verifier, clock, log: silentLogger })
  const account = await client.resource(refs.serviceaccounts).create({
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: { namespace: "a", name: "robot" },
  })
  const node = await client.resource(refs.nodes).create({ apiVersion: "v1", kind: "Node", metadata: { name: "n1" } })
  const pod = await client.resource(refs.pods).create({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { namespace: "a", name: "p" },
    spec: { serviceAccountName: "robot", nodeName: "n1", containers: [] },
  })
  const tokens = tokenRequests({ issuer, lookup, clock, audiences: verifier.audiences }).get("/serviceaccounts/token")
  const ask = async (
    spec: authenticationv1.TokenRequestSpec,
    name = "robot",
  ): Promise<NonNullable<authenticationv1.TokenRequest["status"]>> => {
    const input = { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", metadata: {}, spec }
    const result = await tokens?.create?.(
      engine,
      { namespace: "a", name, resource: {} } as Operation,
      input as KubeObject,
    )
    assert.ok(result?.type === "object")
    return (result.object as authenticationv1.TokenRequest).status!
  }
  return { clock, client, lookup, issuer, verifier, authenticator, account, node, pod, ask }
}

test("a requested token makes its bearer the service account", async () => {
  const { authenticator, account, pod, node, ask, clock } = await setUp()
  const { token, expirationTimestamp } = await ask({
    boundObjectRef: { kind: "Pod", name: "p", uid: pod.metadata.uid! },
  })
  assert.equal(Date.parse(expirationTimestamp!), clock.now() + 3600_000)
  const user = await authenticator.authenticate(withToken(token!))
  const { extra, ...rest } = user!
  assert.deepEqual(rest, {
    name: "system:serviceaccount:a:robot",
    uid: account.metadata.uid,
    groups: ["system:serviceaccounts", "system:serviceaccounts:a", "system:authenticated"],
  })
  assert.match(extra?.["authentication.kubernetes.io/credential-id"]?.[0] ?? "", /^JTI=/)
  assert.deepEqual(extra?.["authentication.kubernetes.io/pod-name"], ["p"])
  assert.deepEqual(extra?.["authentication.kubernetes.io/pod-uid"], [pod.metadata.uid])
  assert.deepEqual(extra?.["authentication.kubernetes.io/node-name"], ["n1"])
  assert.deepEqual(extra?.["authentication.kubernetes.io/node-uid"], [node.metadata.uid])
})

test("the claims are those that clients know", async () => {
  const { ask, pod, account, node, clock } = await setUp()
  const { token } = await ask({ boundObjectRef: { kind: "Pod", name: "p" }, expirationSeconds: 3607 })
  const { jti, ...claims } = verifyToken(token!, [newTokenKey(publicKey)])
  const now = clock.now() / 1000
  assert.equal(typeof jti, "string")
  assert.deepEqual(claims, {
    iss: audience,
    aud: [audience],
    sub: "system:serviceaccount:a:robot",
    iat: now,
    nbf: now,
    exp: now + 365 * 24 * 3600,
    "kubernetes.io": {
      namespace: "a",
      serviceaccount: { name: "robot", uid: account.metadata.uid },
      pod: { name: "p", uid: pod.metadata.uid },
      node: { name: "n1", uid: node.metadata.uid },
      warnafter: now + 3607,
    },
  })
})

describe("a token is refused with 401", () => {
  type Setup = Awaited<ReturnType<typeof setUp>>
  const table: { name: string; token(setup: Setup): Promise<string> }[] = [
    { name: "that is no token", token: async () => "rubbish" },
    { name: "that has rubbish inside", token: async () => "a.b.c" },
    {
      name: "signed by another key",
      token: async ({ clock, account }) => {
        const issuer = new TokenIssuer({ key: other.privateKey, clock })
        const claim = { namespace: "a", serviceaccount: { name: "robot", uid: account.metadata.uid! } }
        return issuer.issue({ claim, audiences: [audience], lifetimeSeconds: 600 }).token
      },
    },
    {
      name: "without a signature",
      token: async ({ ask }) => {
        const [, body] = (await ask({})).token!.split(".")
        return `${Buffer.from('{"alg":"none"}').toString("base64url")}.${body}.`
      },
    },
    {
      name: "whose content was changed",
      token: async ({ ask }) => {
        const [head, body, signature] = (await ask({})).token!.split(".") as [string, string, string]
        const changed = Buffer.from(body, "base64url").toString().replaceAll("robot", "root!")
        return [head, Buffer.from(changed).toString("base64url"), signature].join(".")
      },
    },
    { name: "for another audience", token: async ({ ask }) => (await ask({ audiences: ["vault"] })).token! },
    {
      name: "that has expired",
      token: async ({ ask, clock }) => {
        const { token } = await ask({ expirationSeconds: 600 })
        await clock.advance(611_000)
        return token!
      },
    },
    {
      name: "of another issuer",
      token: async ({ clock }) => signToken({ iss: "https://elsewhere", exp: clock.now() }, newTokenKey(privateKey)),
    },
    {
      name: "whose account is gone",
      token: async ({ ask, client }) => {
        const { token } = await ask({})
        await client.resource(refs.serviceaccounts).delete("robot", { namespace: "a" })
        return token!
      },
    },
    {
      name: "whose account was made anew",
      token: async ({ ask, client }) => {
        const { token } = await ask({})
        const accounts = client.resource(refs.serviceaccounts)
        await accounts.delete("robot", { namespace: "a" })
        await accounts.create({ apiVersion: "v1", kind: "ServiceAccount", metadata: { namespace: "a", name: "robot" } })
        return token!
      },
    },
    {
      name: "whose pod is gone",
      token: async ({ ask, client }) => {
        const { token } = await ask({ boundObjectRef: { kind: "Pod", name: "p" } })
        await client.resource(refs.pods).delete("p", { namespace: "a", gracePeriodSeconds: 0 })
        return token!
      },
    },
    {
      name: "of a secret that does not hold it",
      token: async ({ issuer, account, client }) => {
        const secret: corev1.Secret = {
          apiVersion: "v1",
          kind: "Secret",
          metadata: { namespace: "a", name: "s" },
          data: {},
        }
        await client.resource(refs.secrets).create(secret)
        return issuer.issueLegacy(legacyWish(account))
      },
    },
  ]
  for (const { name, token } of table) {
    test(name, async () => {
      const setup = await setUp()
      const request = withToken(await token(setup))
      await assert.rejects(setup.authenticator.authenticate(request), { code: 401, message: "Unauthorized" })
    })
  }
})

test("the token of a Secret is good as long as the Secret holds it", async () => {
  const { issuer, account, client, authenticator } = await setUp()
  const token = await issuer.issueLegacy(legacyWish(account))
  const data = { token: Buffer.from(token).toString("base64") }
  await client
    .resource(refs.secrets)
    .create({ apiVersion: "v1", kind: "Secret", metadata: { namespace: "a", name: "s" }, data })
  assert.equal((await authenticator.authenticate(withToken(token)))?.name, "system:serviceaccount:a:robot")
})

test("a good token is remembered for ten seconds, then looked at again", async () => {
  const { ask, client, authenticator, clock } = await setUp()
  const request = withToken((await ask({})).token!)
  await authenticator.authenticate(request)
  await client.resource(refs.serviceaccounts).delete("robot", { namespace: "a" })
  assert.ok(await authenticator.authenticate(request))
  await clock.advance(10_001)
  await assert.rejects(authenticator.authenticate(request), { code: 401 })
})

test("requests without a bearer token are left to others", async () => {
  const { authenticator } = await setUp()
  assert.equal(await authenticator.authenticate(requestWith({})), undefined)
  assert.equal(await authenticator.authenticate(requestWith({ headers: { authorization: "Basic eDp5" } })), undefined)
})

describe("a token request is refused", () => {
  const table: {
    name: string
    spec: authenticationv1.TokenRequestSpec
    account?: string
    code: number
    message: RegExp
  }[] = [
    {
      name: "for less than ten minutes",
      spec: { expirationSeconds: 599 },
      code: 422,
      message: /spec.expirationSeconds: Invalid value: 599: may not specify a duration less than 10 minutes/,
    },
    {
      name: "for an account that is not there",
      spec: {},
      account: "gone",
      code: 404,
      message: /serviceaccounts "gone" not found/,
    },
    {
      name: "for a pod that is not there",
      spec: { boundObjectRef: { kind: "Pod", name: "q" } },
      code: 404,
      message: /pods "q" not found/,
    },
    {
      name: "for a pod with another uid",
      spec: { boundObjectRef: { kind: "Pod", name: "p", uid: "x" } },
      code: 409,
      message: /the UID in the bound object reference \(x\) does not match/,
    },
    {
      name: "for a pod of another account",
      spec: { boundObjectRef: { kind: "Pod", name: "p" } },
      account: "second",
      code: 400,
      message: /to pod running with different serviceaccount name/,
    },
    {
      name: "for an odd kind",
      spec: { boundObjectRef: { kind: "Service", name: "p" } },
      code: 400,
      message: /cannot bind token to object of type v1, Kind=Service/,
    },
  ]
  for (const { name, spec, account, code, message } of table) {
    test(name, async () => {
      const { ask, client } = await setUp()
      const second: corev1.ServiceAccount = {
        apiVersion: "v1",
        kind: "ServiceAccount",
        metadata: { namespace: "a", name: "second" },
      }
      await client.resource(refs.serviceaccounts).create(second)
      await assert.rejects(ask(spec, account), { code, message })
    })
  }
})

test("TokenReview says who bears a token, and why one is not accepted", async () => {
  const { verifier, clock, ask } = await setUp()
  const reviews = identityReviews({ verifier, clock }).get("authentication.k8s.io/tokenreviews")
  const review = async (spec: authenticationv1.TokenReviewSpec): Promise<authenticationv1.TokenReviewStatus> => {
    const input = { apiVersion: "authentication.k8s.io/v1", kind: "TokenReview", metadata: {}, spec }
    const result = await reviews?.create?.({} as Engine, { resource: {} } as Operation, input as KubeObject)
    assert.ok(result?.type === "object")
    return (result.object as authenticationv1.TokenReview).status!
  }
  const { token } = await ask({ audiences: ["vault", "other"] })
  const good = await review({ token: token!, audiences: ["vault", "elsewhere"] })
  assert.deepEqual(
    [good.authenticated, good.user?.username, good.audiences],
    [true, "system:serviceaccount:a:robot", ["vault"]],
  )
  const bad = await review({ token: token! })
  assert.equal(bad.authenticated, false)
  assert.match(bad.error ?? "", /invalid bearer token, .*audiences/)
})

test("a client certificate makes its bearer user and groups", async () => {
  const clock = new FakeClock()
  const authority = await newAuthority("kubernetes", clock)
  const authenticator = new ClientCertificateAuthenticator({ clock })
  const identify = async (commonName: string, organizations: string[]) => {
    const { certificate } = await issueCertificate(authority, { commonName, organizations, usage: "client" }, clock)
    const der = Buffer.from(certificate.replace(/-----[^-]+-----/g, ""), "base64")
    const request = requestWith({ clientCertificates: [der] })
    return { request, user: await authenticator.authenticate(request) }
  }
  const { user, request } = await identify("system:node:n1", ["system:nodes", "b"])
  assert.deepEqual([user?.name, user?.groups], ["system:node:n1", ["system:nodes", "b", "system:authenticated"]])
  assert.match(user?.extra?.["authentication.kubernetes.io/credential-id"]?.[0] ?? "", /^X509SHA256=[0-9a-f]{64}$/)
  const tricky = await identify("eve\nO=system:masters", ["x\nO=system:masters"])
  assert.deepEqual(tricky.user?.groups, ["x\nO=system:masters", "system:authenticated"])
  assert.equal(tricky.user?.name, "eve\nO=system:masters")
  assert.equal(await authenticator.authenticate(requestWith({})), undefined)
  await clock.advance(366 * 24 * 3600 * 1000)
  await assert.rejects(authenticator.authenticate(request), { code: 401 })
})
