import assert from "node:assert/strict"
import { test } from "node:test"
import { type corev1, refs } from "@ladya/api"
import { isStatus } from "@ladya/apimachinery"
import { startCluster } from "./cluster.ts"

const inDefault = { namespace: "default" }

test("a Secret that asks for a token of an account is filled, and goes with the account", async (context) => {
  const asked: string[] = []
  const { client, until, clock, writesDuring } = await startCluster(context, {
    only: ["legacy-service-account-token"],
    config: {
      rootCa: "the CA",
      signServiceAccountToken: async ({ serviceAccountName, secretName }) => {
        asked.push(`${serviceAccountName} ${secretName}`)
        return "signed"
      },
    },
  })
  const secrets = client.resource(refs.secrets)
  const secret = (name: string, account: string): corev1.Secret => ({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { namespace: "default", name, annotations: { "kubernetes.io/service-account.name": account } },
    type: "kubernetes.io/service-account-token",
  })
  const account = await client.resource(refs.serviceaccounts).create({
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: { namespace: "default", name: "robot" },
  })
  await secrets.create(secret("token", "robot"))
  await secrets.create(secret("of-nobody", "ghost"))
  await until("the token", async () => (await secrets.get("token", inDefault)).data?.["token"] !== undefined)
  const filled = await secrets.get("token", inDefault)
  const decoded = Object.fromEntries(
    Object.entries(filled.data ?? {}).map(([name, value]) => [name, Buffer.from(value, "base64").toString()]),
  )
  assert.deepEqual(decoded, { token: "signed", namespace: "default", "ca.crt": "the CA" })
  assert.equal(filled.metadata.annotations?.["kubernetes.io/service-account.uid"], account.metadata.uid)
  assert.deepEqual(asked, ["robot token"])
  await assert.rejects(secrets.get("of-nobody", inDefault), (error) => isStatus(error, "NotFound"))
  await clock.advance(1000)
  assert.deepEqual(await writesDuring(600_000), [])
  await client.resource(refs.serviceaccounts).delete("robot", inDefault)
  await until("the Secret to go", async () => (await secrets.list(inDefault)).items.length === 0)
})
