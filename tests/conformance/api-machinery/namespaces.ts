import assert from "node:assert/strict"
import { type corev1, refs } from "@ladya/api"
import type { ConformanceContext } from "../support/context.ts"
import { runPod, sleepingPod } from "../support/pods.ts"
import { conformance } from "../support/registry.ts"
import { startWatch } from "../support/watches.ts"
import { untilGone, untilObject, updateObject } from "../support/workloads.ts"

const prefix = "[sig-api-machinery] Namespaces [Serial]"

async function newNamespace(t: ConformanceContext, extra: Partial<corev1.Namespace> = {}): Promise<string> {
  const name = t.unique("nslifetest")
  t.defer(() => t.client.resource(refs.namespaces).delete(name))
  await t.client
    .resource(refs.namespaces)
    .create({ apiVersion: "v1", kind: "Namespace", ...extra, metadata: { name, ...extra.metadata } })
  await t.until(`the default account of ${name}`, () =>
    t.client.resource(refs.serviceaccounts).get("default", { namespace: name }),
  )
  return name
}

async function deleteAndRecreate(t: ConformanceContext, name: string): Promise<void> {
  await t.client.resource(refs.namespaces).delete(name)
  await untilGone(t, refs.namespaces, { name })
  await t.client.resource(refs.namespaces).create({ apiVersion: "v1", kind: "Namespace", metadata: { name } })
}

conformance(
  `${prefix} should ensure that all pods are removed when a namespace is deleted [Conformance]`,
  async (t) => {
    const name = await newNamespace(t)
    await runPod(t, sleepingPod(name, "test-pod"))
    await deleteAndRecreate(t, name)
    assert.deepEqual((await t.client.resource(refs.pods).list({ namespace: name })).items, [])
  },
)

conformance(
  `${prefix} should ensure that all services are removed when a namespace is deleted [Conformance]`,
  async (t) => {
    const name = await newNamespace(t)
    await t.client.resource(refs.services).create({
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "test-service", namespace: name },
      spec: { selector: { foo: "bar" }, ports: [{ port: 80, targetPort: 80 }] },
    })
    await deleteAndRecreate(t, name)
    assert.deepEqual((await t.client.resource(refs.services).list({ namespace: name })).items, [])
  },
)

conformance(`${prefix} should patch a Namespace [Conformance]`, async (t) => {
  const name = await newNamespace(t)
  const namespaces = t.client.resource(refs.namespaces)
  await namespaces.patch(name, "strategic", { metadata: { labels: { testLabel: "testValue" } } })
  assert.equal((await namespaces.get(name)).metadata.labels?.["testLabel"], "testValue")
})

conformance(`${prefix} should apply changes to a namespace status [Conformance]`, async (t) => {
  const name = await newNamespace(t)
  const namespaces = t.client.resource(refs.namespaces)
  const read = await namespaces.getSubresource<corev1.Namespace>(name, "status")
  assert.equal(read.status?.phase, "Active")
  const condition = { type: "StatusPatch", status: "True", reason: "E2E", message: "Patched by an e2e test" }
  const patched = await namespaces.patch(
    name,
    "merge",
    { metadata: { annotations: { "e2e-patched-ns-status": name } }, status: { conditions: [condition] } },
    { subresource: "status" },
  )
  assert.equal(patched.metadata.annotations?.["e2e-patched-ns-status"], name)
  assert.equal(patched.status?.conditions?.find(({ type }) => type === "StatusPatch")?.reason, "E2E")
  const updated = await updateObject(
    t,
    refs.namespaces,
    { name },
    (draft) => {
      draft.status ??= {}
      draft.status.conditions = [
        ...(draft.status.conditions ?? []),
        { type: "StatusUpdate", status: "True", reason: "E2E", message: "Updated by an e2e test" },
      ]
    },
    "status",
  )
  assert.equal(updated.status?.conditions?.length, 2)
  assert.equal(updated.status?.phase, "Active")
})

conformance(`${prefix} should apply an update to a Namespace [Conformance]`, async (t) => {
  const name = await newNamespace(t)
  await updateObject(t, refs.namespaces, { name }, (draft) => {
    draft.metadata.labels = { ...draft.metadata.labels, [name]: "updated" }
  })
  assert.equal((await t.client.resource(refs.namespaces).get(name)).metadata.labels?.[name], "updated")
})

conformance(`${prefix} should apply a finalizer to a Namespace [Conformance]`, async (t) => {
  const name = await newNamespace(t)
  const fake = "e2e.example.com/fakeFinalizer"
  const has = ({ spec }: corev1.Namespace): boolean => spec?.finalizers?.includes(fake) ?? false
  const change = (finalizers: (old: string[]) => string[]) =>
    updateObject(
      t,
      refs.namespaces,
      { name },
      (draft) => {
        draft.spec = { ...draft.spec, finalizers: finalizers(draft.spec?.finalizers ?? []) }
      },
      "finalize",
    )
  assert.ok(has(await change((old) => [...old, fake])))
  assert.ok(has(await t.client.resource(refs.namespaces).get(name)))
  assert.ok(!has(await change((old) => old.filter((one) => one !== fake))))
})

conformance(
  "[sig-api-machinery] OrderedNamespaceDeletion namespace deletion should delete pod first [Conformance]",
  async (t) => {
    const name = await newNamespace(t)
    const inNamespace = { namespace: name }
    const finalizer = "e2e.example.com/finalizer"
    const pod = sleepingPod(name, "test-pod")
    const pods = t.client.resource(refs.pods)
    const configMaps = t.client.resource(refs.configmaps)
    await runPod(t, { ...pod, metadata: { ...pod.metadata, finalizers: [finalizer] } })
    await configMaps.create({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "test-configmap", ...inNamespace, finalizers: [finalizer] },
    })
    const free = { metadata: { finalizers: null } }
    t.defer(() => pods.patch("test-pod", "merge", free, inNamespace))
    t.defer(() => configMaps.patch("test-configmap", "merge", free, inNamespace))
    await t.client.resource(refs.namespaces).delete(name)
    await untilObject(t, refs.pods, { name: "test-pod", ...inNamespace }, "deleted", ({ metadata }) =>
      Boolean(metadata.deletionTimestamp),
    )
    const terminating = await untilObject(t, refs.namespaces, { name }, "its content remains", ({ status }) =>
      status?.conditions?.some((one) => one.type === "NamespaceContentRemaining" && one.status === "True"),
    )
    assert.match(
      terminating.status?.conditions?.find(({ type }) => type === "NamespaceContentRemaining")?.message ?? "",
      /pods\. has 1 resource instances/,
    )
    // As long as the pod is there, nothing else is touched.
    const untouched = await configMaps.get("test-configmap", inNamespace)
    assert.equal(untouched.metadata.deletionTimestamp, undefined)
    const watch = startWatch(t, refs.configmaps, { ...inNamespace, fieldSelector: "metadata.name=test-configmap" })
    await pods.patch("test-pod", "merge", free, inNamespace)
    await watch.next("deleted behind the pod", ({ object }) => Boolean(object.metadata.deletionTimestamp), 60_000)
    await configMaps.patch("test-configmap", "merge", free, inNamespace)
    await untilGone(t, refs.namespaces, { name })
  },
)
