import assert from "node:assert/strict"
import { type apiregistrationv1, refs } from "@ladya/api"
import type { KubeObject, ResourceRef } from "@ladya/apimachinery"
import type { ConformanceContext } from "../support/context.ts"
import { conformance } from "../support/registry.ts"
import { startWebhookServer } from "../support/webhook-server.ts"
import { hasCondition, untilGone, untilObject, updateObject } from "../support/workloads.ts"

const group = "wardle.example.com"
const version = "v1alpha1"
const name = `${version}.${group}`
const flunders: ResourceRef<KubeObject> = { group, version, resource: "flunders", kind: "Flunder", namespaced: true }
type Condition = apiregistrationv1.APIServiceCondition

/** What an extension server needs: to learn whom to believe, and to ask what users may. */
async function grantRights(t: ConformanceContext, namespace: string): Promise<void> {
  const subjects = [{ kind: "ServiceAccount", name: "default", namespace }]
  const apiGroup = "rbac.authorization.k8s.io"
  const delegator = t.unique("wardle:auth-delegator")
  t.defer(() => t.client.resource(refs.clusterrolebindings).delete(delegator))
  await t.client.resource(refs.clusterrolebindings).create({
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "ClusterRoleBinding",
    metadata: { name: delegator },
    roleRef: { apiGroup, kind: "ClusterRole", name: "system:auth-delegator" },
    subjects,
  })
  const reader = t.unique("wardler-auth-reader")
  t.defer(() => t.client.resource(refs.rolebindings).delete(reader, { namespace: "kube-system" }))
  await t.client.resource(refs.rolebindings).create({
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "RoleBinding",
    metadata: { name: reader, namespace: "kube-system" },
    roleRef: { apiGroup, kind: "Role", name: "extension-apiserver-authentication-reader" },
    subjects,
  })
}

async function expectFlunders(t: ConformanceContext, namespace: string): Promise<void> {
  const resource = t.client.resource(flunders)
  const names = async () => (await resource.list({ namespace })).items.map(({ metadata }) => metadata.name)
  const one = t.unique("rest-flunder")
  const make = (flunder: string) =>
    resource.create({ apiVersion: `${group}/${version}`, kind: "Flunder", metadata: { name: flunder, namespace } })
  await make(one)
  assert.deepEqual(await names(), [one])
  assert.equal((await resource.get(one, { namespace })).metadata.name, one)
  await resource.delete(one, { namespace })
  assert.deepEqual(await names(), [])
  await make(t.unique("dynamic-flunder"))
  await make(t.unique("dynamic-flunder"))
  assert.equal((await names()).length, 2)
  await resource.deleteCollection({ namespace })
  assert.deepEqual(await names(), [])
}

async function expectDiscovery(t: ConformanceContext): Promise<void> {
  const groups = (await t.http("GET", "/apis")).json.groups as { name: string }[]
  assert.ok(groups.some((one) => one.name === group))
  assert.equal((await t.http("GET", `/apis/${group}`)).json.preferredVersion.version, version)
  assert.equal((await t.http("GET", `/apis/${group}/${version}`)).json.resources[0].name, "flunders")
  const accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
  await t.until("the group in aggregated discovery", async () => {
    const { items } = (await t.http("GET", "/apis", { headers: { accept } })).json as {
      items: { metadata: { name: string }; versions: { freshness: string; resources: { resource: string }[] }[] }[]
    }
    const [shown] = items.find(({ metadata }) => metadata.name === group)?.versions ?? []
    return shown?.freshness === "Current" && shown.resources[0]?.resource === "flunders"
  })
}

conformance(
  "[sig-api-machinery] Aggregator Should be able to support the 1.17 Sample API Server using the current Aggregator [LinuxOnly] [Conformance]",
  async (t) => {
    const namespace = await t.namespace()
    await grantRights(t, namespace)
    const server = await startWebhookServer(t, namespace, "sample-apiserver")
    const services = t.client.resource(refs.apiservices)
    t.defer(() => services.delete(name))
    await services.create({
      apiVersion: "apiregistration.k8s.io/v1",
      kind: "APIService",
      metadata: { name },
      spec: {
        ...{ group, version, groupPriorityMinimum: 2000, versionPriority: 200 },
        service: { namespace, name: server.service, port: server.port },
        caBundle: server.caBundle,
      },
    })
    await untilObject(t, refs.apiservices, { name }, "available", (one) => hasCondition(one, "Available"))
    await expectDiscovery(t)
    await expectFlunders(t, namespace)

    const label = t.unique("apiservice")
    const read = await services.getSubresource<apiregistrationv1.APIService>(name, "status")
    assert.ok(hasCondition(read, "Available"))
    const patched = await services.patch(name, "merge", { metadata: { labels: { [label]: "patched" } } })
    assert.equal(patched.metadata.labels?.[label], "patched")
    await updateObject(
      t,
      refs.apiservices,
      { name },
      (draft) => {
        const condition: Condition = {
          type: "StatusUpdated",
          status: "True",
          reason: "E2E",
          message: "Set by an e2e test",
        }
        draft.status = { conditions: [...(draft.status?.conditions ?? []), condition] }
      },
      "status",
    )
    await untilObject(t, refs.apiservices, { name }, "its status updated", (one) => hasCondition(one, "StatusUpdated"))
    await updateObject(t, refs.apiservices, { name }, (draft) => {
      draft.metadata.labels = { ...draft.metadata.labels, [label]: "updated" }
    })
    const labelSelector = `${label}=updated`
    assert.equal((await services.list({ labelSelector })).items.length, 1)
    await services.deleteCollection({ labelSelector })
    await untilGone(t, refs.apiservices, { name })
    assert.equal((await t.http("GET", `/apis/${group}/${version}`)).status, 404)
  },
)
