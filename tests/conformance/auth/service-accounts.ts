import assert from "node:assert/strict"
import { type corev1, refs } from "@ladya/api"
import type { KubeObject } from "@ladya/apimachinery"
import type { ConformanceContext } from "../support/context.ts"
import { helperPod, podLog, runPod, sleepingPod, untilSucceeded } from "../support/pods.ts"
import { conformance } from "../support/registry.ts"
import { startWatch } from "../support/watches.ts"
import { selectorText } from "../support/workloads.ts"

const accounts = refs.serviceaccounts
const mountPath = "/var/run/secrets/kubernetes.io/serviceaccount"

const account = (
  namespace: string,
  name: string,
  more: Partial<corev1.ServiceAccount> = {},
  labels: Record<string, string> = {},
): corev1.ServiceAccount => ({
  apiVersion: "v1",
  kind: "ServiceAccount",
  metadata: { namespace, name, labels },
  ...more,
})

/** What a TokenReview says of the token. */
async function review(t: ConformanceContext, token: string): Promise<{ username: string; uid: string }> {
  const body = { apiVersion: "authentication.k8s.io/v1", kind: "TokenReview", spec: { token } }
  const answer = await t.http("POST", "/apis/authentication.k8s.io/v1/tokenreviews", { body })
  assert.equal(answer.status, 201, answer.text)
  const { authenticated, error, user } = answer.json.status as {
    authenticated: boolean
    error?: string
    user: { username: string; uid: string }
  }
  assert.ok(authenticated, error)
  assert.equal(error, undefined)
  return user
}

conformance("[sig-auth] ServiceAccounts should mount an API token into pods [Conformance]", async (t) => {
  const namespace = await t.namespace()
  const { metadata } = await t.client.resource(accounts).create(account(namespace, "mount-test"))
  await runPod(t, sleepingPod(namespace, "reader", { serviceAccountName: "mount-test" }))
  const read = (file: string) => t.kubectl(["-n", namespace, "exec", "reader", "--", "cat", `${mountPath}/${file}`])
  const token = await read("token")
  const user = await review(t, token.trim())
  assert.equal(user.username, `system:serviceaccount:${namespace}:mount-test`)
  assert.equal(user.uid, metadata.uid)
  assert.equal(await read("namespace"), namespace)
  const { data } = await t.client.resource(refs.configmaps).get("kube-root-ca.crt", { namespace })
  assert.equal((await read("ca.crt")).trim(), data?.["ca.crt"]?.trim())
})

conformance("[sig-auth] ServiceAccounts should allow opting out of API token automount [Conformance]", async (t) => {
  const namespace = await t.namespace()
  const settings = [undefined, true, false]
  for (const ofAccount of settings) {
    const more = ofAccount === undefined ? {} : { automountServiceAccountToken: ofAccount }
    await t.client.resource(accounts).create(account(namespace, `account-${ofAccount}`, more))
    for (const ofPod of settings) {
      const spec = {
        serviceAccountName: `account-${ofAccount}`,
        ...(ofPod === undefined ? {} : { automountServiceAccountToken: ofPod }),
      }
      const pod = await t.client.resource(refs.pods).create(sleepingPod(namespace, `pod-${ofAccount}-${ofPod}`, spec))
      const isMounted = pod.spec?.containers[0]?.volumeMounts?.some((one) => one.mountPath === mountPath) ?? false
      assert.equal(isMounted, ofPod ?? ofAccount ?? true, `account ${ofAccount}, pod ${ofPod}`)
    }
  }
})

conformance("[sig-auth] ServiceAccounts should mount projected service account token [Conformance]", async (t) => {
  const namespace = await t.namespace()
  const token = { path: "token", expirationSeconds: 3600, audience: "conformance" }
  const volume = { name: "token", projected: { sources: [{ serviceAccountToken: token }], defaultMode: 0o440 } }
  const pod = sleepingPod(
    namespace,
    "projected",
    { restartPolicy: "Never", volumes: [volume] },
    {
      command: ["sh", "-c", "cat /projected/token; echo; stat -L -c %a /projected/token"],
      volumeMounts: [{ name: "token", mountPath: "/projected" }],
    },
  )
  await t.client.resource(refs.pods).create(pod)
  await untilSucceeded(t, pod)
  const [text = "", mode] = (await podLog(t, pod)).trim().split("\n")
  assert.equal(mode, "440")
  const claims = JSON.parse(Buffer.from(text.split(".")[1] ?? "", "base64url").toString()) as Record<string, unknown>
  assert.deepEqual(claims["aud"], ["conformance"])
  assert.equal(claims["sub"], `system:serviceaccount:${namespace}:default`)
})

conformance(
  "[sig-auth] ServiceAccounts should create a serviceAccountToken and ensure a successful TokenReview [Conformance]",
  async (t) => {
    const namespace = await t.namespace()
    const { metadata } = await t.client.resource(accounts).create(account(namespace, "e2e-account"))
    const request = {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenRequest",
      metadata: { name: "e2e-account", namespace },
      spec: { audiences: [], expirationSeconds: 3600 },
    }
    const issued = await t.client
      .resource(accounts)
      .createSubresource<KubeObject & { status?: { token: string } }>("e2e-account", "token", request, { namespace })
    assert.ok(issued.status?.token)
    const user = await review(t, issued.status.token)
    assert.equal(user.username, `system:serviceaccount:${namespace}:e2e-account`)
    assert.equal(user.uid, metadata.uid)
  },
)

conformance(
  "[sig-auth] ServiceAccounts should guarantee kube-root-ca.crt exist in any namespace [Conformance]",
  async (t) => {
    const namespace = await t.namespace()
    const maps = t.client.resource(refs.configmaps)
    const rootCa = async (isRight: (map: corev1.ConfigMap) => boolean): Promise<corev1.ConfigMap> =>
      await t.until("the root certificate", async () => {
        const found = await maps.get("kube-root-ca.crt", { namespace })
        return isRight(found) ? found : undefined
      })
    const first = await rootCa(({ data }) => (data?.["ca.crt"] ?? "").includes("BEGIN CERTIFICATE"))
    await maps.delete("kube-root-ca.crt", { namespace })
    const second = await rootCa(({ metadata }) => metadata.uid !== first.metadata.uid)
    assert.deepEqual(second.data, first.data)
    await maps.update({ ...second, data: { "ca.crt": "" } })
    await rootCa(({ data }) => data?.["ca.crt"] === first.data?.["ca.crt"])
  },
)

conformance(
  "[sig-auth] ServiceAccounts should run through the lifecycle of a ServiceAccount [Conformance]",
  async (t) => {
    const namespace = await t.namespace()
    const labels = { "test-serviceaccount-static": t.unique("account") }
    const labelSelector = selectorText(labels)
    const resource = t.client.resource(accounts)
    const watch = startWatch(t, accounts, { namespace, labelSelector })
    await resource.create(account(namespace, "testserviceaccount", {}, labels))
    await watch.next("added", ({ type }) => type === "ADDED")
    const patched = await resource.patch(
      "testserviceaccount",
      "strategic",
      { automountServiceAccountToken: false },
      { namespace },
    )
    assert.equal(patched.automountServiceAccountToken, false)
    const [found, ...others] = (await resource.list({ labelSelector })).items
    assert.equal(others.length, 0)
    assert.equal(found?.metadata.name, "testserviceaccount")
    assert.equal(found?.automountServiceAccountToken, false)
    await resource.deleteCollection({ namespace, labelSelector })
    await watch.next("deleted", ({ type }) => type === "DELETED")
  },
)

conformance("[sig-auth] ServiceAccounts should update a ServiceAccount [Conformance]", async (t) => {
  const namespace = await t.namespace()
  const resource = t.client.resource(accounts)
  const created = await resource.create(account(namespace, "e2e-sa", { automountServiceAccountToken: false }))
  assert.equal(created.automountServiceAccountToken, false)
  const updated = await resource.update({ ...created, automountServiceAccountToken: true })
  assert.equal(updated.automountServiceAccountToken, true)
})

conformance(
  "[sig-auth] ServiceAccounts ServiceAccountIssuerDiscovery should support OIDC discovery of service account issuer [Conformance]",
  async (t) => {
    const namespace = await t.namespace()
    const audience = "oidc-discovery-test"
    const token = { path: "oidc-token", expirationSeconds: 7200, audience }
    const pod = await helperPod(
      t,
      namespace,
      "oidc-discovery-validator",
      ["oidc-discovery", "--token-path=/oidc/oidc-token", `--audience=${audience}`],
      {
        restartPolicy: "Never",
        volumes: [{ name: "oidc", projected: { sources: [{ serviceAccountToken: token }] } }],
      },
      { volumeMounts: [{ name: "oidc", mountPath: "/oidc", readOnly: true }] },
    )
    await t.client.resource(refs.pods).create(pod)
    await untilSucceeded(t, pod).catch(async (error: Error) => {
      throw new Error(`${error.message}\n${await podLog(t, pod)}`, { cause: error })
    })
    assert.match(await podLog(t, pod), /the token is valid/)
  },
)
