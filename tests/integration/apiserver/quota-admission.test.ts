import assert from "node:assert/strict"
import { type TestContext, test } from "node:test"
import { type corev1, refs } from "@ladya/api"
import { isStatus } from "@ladya/apimachinery"
import { newMemoryStore } from "@ladya/store"
import { systemClock, waitFor } from "@ladya/util"
import { type SecureServer, startSecureServer } from "../secure-server.ts"

const namespace = "default"
const soon = { description: "the informer of admission", timeoutMs: 60_000 }
const pod = (name: string, resources: corev1.ResourceRequirements = {}): corev1.Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, namespace },
  spec: { containers: [{ name: "c", image: "i", resources }] },
})

async function setUp(t: TestContext, servers: number): Promise<SecureServer[]> {
  const store = newMemoryStore({ clock: systemClock })
  const all: SecureServer[] = []
  for (let i = 0; i < servers; i++) all.push(await startSecureServer(t, store))
  t.after(() => store.close())
  const { client } = all[0] as SecureServer
  await client
    .resource(refs.serviceaccounts)
    .create({ apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "default", namespace } })
  return all
}

/** A quota as the controller leaves it, known to the admission of all servers. */
async function newQuota(all: SecureServer[], hard: Record<string, string>): Promise<void> {
  const quotas = (all[0] as SecureServer).client.resource(refs.resourcequotas)
  const made = await quotas.create({
    apiVersion: "v1",
    kind: "ResourceQuota",
    metadata: { name: "q", namespace },
    spec: { hard },
  })
  const used = Object.fromEntries(Object.keys(hard).map((name) => [name, "0"]))
  await quotas.updateStatus({ ...made, status: { hard, used } })
  // A dry run larger than any quota is refused as soon as the quota is known.
  for (const { client } of all) {
    const probe = pod("probe", { requests: { cpu: "900" }, limits: { cpu: "900" } })
    await waitFor(
      systemClock,
      async () => {
        try {
          await client.resource(refs.pods).create(probe, { dryRun: true })
          return false
        } catch (error) {
          return isStatus(error, "Forbidden")
        }
      },
      soon,
    )
  }
}

const usedOf = async (server: SecureServer): Promise<Record<string, string> | undefined> =>
  (await server.client.resource(refs.resourcequotas).get("q", { namespace })).status?.used

for (const servers of [1, 2]) {
  test(`100 parallel creates at ${servers} server(s) never exceed a quota`, async (t) => {
    const all = await setUp(t, servers)
    await newQuota(all, { pods: "7", "requests.cpu": "100" })
    const outcomes = await Promise.allSettled(
      Array.from({ length: 100 }, (_, i) =>
        (all[i % servers] as SecureServer).client
          .resource(refs.pods)
          .create(pod(`p${i}`, { requests: { cpu: "100m" } })),
      ),
    )
    const refused = outcomes.filter((one) => one.status === "rejected")
    assert.equal(refused.length, 93)
    for (const { reason } of refused) {
      assert.match(reason.message, /is forbidden: exceeded quota: q, requested: pods=1, used: pods=7, limited: pods=7$/)
    }
    const { items } = await (all[0] as SecureServer).client.resource(refs.pods).list({ namespace })
    assert.equal(items.length, 7)
    assert.deepEqual(await usedOf(all[0] as SecureServer), { pods: "7", "requests.cpu": "700m" })
  })
}

test("a dry run reserves nothing, and pods must say what a quota limits", async (t) => {
  const all = await setUp(t, 1)
  const server = all[0] as SecureServer
  await newQuota(all, { pods: "1", "limits.cpu": "1" })
  const pods = server.client.resource(refs.pods)
  await pods.create(pod("a", { limits: { cpu: "1" } }), { dryRun: true })
  assert.deepEqual(await usedOf(server), { pods: "0", "limits.cpu": "0" })
  await assert.rejects(pods.create(pod("a")), /forbidden: failed quota: q: must specify limits.cpu for: c$/)
  await assert.rejects(
    pods.create(pod("a", { limits: { cpu: "2" } })),
    /forbidden: exceeded quota: q, requested: limits.cpu=2, used: limits.cpu=0, limited: limits.cpu=1$/,
  )
})

test("a limit range fills in and refuses", async (t) => {
  const [server] = (await setUp(t, 1)) as [SecureServer]
  await server.client.resource(refs.limitranges).create({
    apiVersion: "v1",
    kind: "LimitRange",
    metadata: { name: "l", namespace },
    spec: {
      limits: [{ type: "Container", default: { cpu: "1" }, defaultRequest: { cpu: "500m" }, max: { cpu: "2" } }],
    },
  })
  const pods = server.client.resource(refs.pods)
  await waitFor(
    systemClock,
    async () => {
      const tried = await pods.create(pod("a"), { dryRun: true })
      return tried.metadata.annotations?.["kubernetes.io/limit-ranger"] !== undefined
    },
    soon,
  )
  const made = await pods.create(pod("a"))
  assert.deepEqual(made.spec?.containers[0]?.resources, { limits: { cpu: "1" }, requests: { cpu: "500m" } })
  assert.equal(
    made.metadata.annotations?.["kubernetes.io/limit-ranger"],
    "LimitRanger plugin set: cpu request for container c; cpu limit for container c",
  )
  await assert.rejects(
    pods.create(pod("b", { limits: { cpu: "3" }, requests: { cpu: "1" } })),
    /forbidden: maximum cpu usage per Container is 2, but limit is 3$/,
  )
})
