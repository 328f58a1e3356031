import assert from "node:assert/strict"
import { test } from "node:test"
import {
  ApiException,
  ApisApi,
  AppsV1Api,
  AuthorizationV1Api,
  BatchV1Api,
  CoreV1Api,
  type KubernetesObject,
  KubernetesObjectApi,
  Metrics,
  PatchStrategy,
  setHeaderOptions,
  topNodes,
  VersionApi,
} from "@kubernetes/client-node"
import type { Library } from "./index.ts"

/** The generated APIs, and the one for objects of any kind. */
export function apiTests(library: () => Library): void {
  test("core: create, read, list, replace, patch of each kind, delete", async () => {
    const { config, namespace } = library()
    const core = config.makeApiClient(CoreV1Api)
    const made = await core.createNamespacedConfigMap({
      namespace,
      body: { metadata: { name: "map", labels: { by: "library" } }, data: { a: "1" } },
    })
    assert.ok(made.metadata?.creationTimestamp instanceof Date)
    assert.equal((await core.readNamespacedConfigMap({ namespace, name: "map" })).data?.["a"], "1")
    const list = await core.listNamespacedConfigMap({ namespace, labelSelector: "by=library", limit: 5 })
    assert.deepEqual(
      list.items.map((item) => item.metadata?.name),
      ["map"],
    )
    const replaced = await core.replaceNamespacedConfigMap({
      namespace,
      name: "map",
      body: { ...made, data: { b: "2" } },
    })
    assert.deepEqual(replaced.data, { b: "2" })
    await assert.rejects(
      core.replaceNamespacedConfigMap({ namespace, name: "map", body: made }),
      (error) => error instanceof ApiException && error.code === 409,
    )
    for (const [strategy, body] of [
      [PatchStrategy.JsonPatch, [{ op: "add", path: "/data/c", value: "3" }]],
      [PatchStrategy.MergePatch, { data: { b: null } }],
      [PatchStrategy.StrategicMergePatch, { data: { d: "4" } }],
    ] as const) {
      const target = { namespace, name: "map", body }
      await core.patchNamespacedConfigMap(target, setHeaderOptions("Content-Type", strategy))
    }
    assert.deepEqual((await core.readNamespacedConfigMap({ namespace, name: "map" })).data, { c: "3", d: "4" })
    assert.equal((await core.deleteNamespacedConfigMap({ namespace, name: "map" })).status, "Success")
    await assert.rejects(
      core.readNamespacedConfigMap({ namespace, name: "map" }),
      (error) =>
        error instanceof ApiException &&
        error.code === 404 &&
        JSON.parse(error.body).message === 'configmaps "map" not found',
    )
  })

  test("apps: a Deployment's containers are merged by name; its scale is set", async () => {
    const { config, namespace, cluster } = library()
    const apps = config.makeApiClient(AppsV1Api)
    const name = "web"
    const patched = await apps.patchNamespacedDeployment(
      {
        name,
        namespace,
        body: {
          spec: { template: { spec: { containers: [{ name: "web", env: [{ name: "STAGE", value: "two" }] }] } } },
        },
      },
      setHeaderOptions("Content-Type", PatchStrategy.StrategicMergePatch),
    )
    const [container] = patched.spec?.template.spec?.containers ?? []
    assert.equal(container?.image, "busybox")
    assert.equal(container?.env?.[0]?.value, "two")
    assert.equal((await apps.readNamespacedDeploymentScale({ name, namespace })).spec?.replicas, 1)
    const scaled = await apps.patchNamespacedDeploymentScale(
      { name, namespace, body: { spec: { replicas: 2 } } },
      setHeaderOptions("Content-Type", PatchStrategy.MergePatch),
    )
    assert.equal(scaled.spec?.replicas, 2)
    await cluster.until("two ready replicas of the new generation", async () => {
      const { status, metadata } = await apps.readNamespacedDeployment({ name, namespace })
      return (
        status?.observedGeneration === metadata?.generation &&
        status?.updatedReplicas === 2 &&
        status.readyReplicas === 2
      )
    })
  })

  test("batch: a Job runs to its end", async () => {
    const { config, namespace, cluster } = library()
    const batch = config.makeApiClient(BatchV1Api)
    const container = { name: "main", image: "busybox", imagePullPolicy: "IfNotPresent", command: ["true"] }
    await batch.createNamespacedJob({
      namespace,
      body: {
        metadata: { name: "once" },
        spec: { template: { spec: { restartPolicy: "Never", containers: [container] } } },
      },
    })
    await cluster.until("the job's end", async () => {
      const job = await batch.readNamespacedJobStatus({ namespace, name: "once" })
      return job.status?.succeeded === 1 && job.status.completionTime instanceof Date
    })
    await batch.deleteNamespacedJob({ namespace, name: "once", propagationPolicy: "Background" })
  })

  test("version and own rights", async () => {
    const { config, namespace } = library()
    assert.equal((await config.makeApiClient(VersionApi).getCode()).minor, "36")
    const review = await config.makeApiClient(AuthorizationV1Api).createSelfSubjectAccessReview({
      body: { spec: { resourceAttributes: { namespace, verb: "delete", resource: "pods" } } },
    })
    assert.equal(review.status?.allowed, true)
  })

  test("objects of any kind: create, read, patch, apply, list, replace, delete", async () => {
    const { config, namespace } = library()
    const objects = KubernetesObjectApi.makeApiClient(config)
    const header = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "any", namespace } }
    type Map = KubernetesObject & { data?: Record<string, string> }
    const made = await objects.create<Map>({ ...header, data: { a: "1" } } as Map)
    assert.equal(made.data?.["a"], "1")
    await objects.patch<Map>({ ...header, data: { b: "2" } } as Map)
    const apply = (data: object, force: boolean) =>
      objects.patch({ ...header, data } as Map, undefined, undefined, "library", force, PatchStrategy.ServerSideApply)
    await assert.rejects(apply({ a: "mine" }, false), (error) => error instanceof ApiException && error.code === 409)
    await apply({ a: "mine" }, true)
    const read = await objects.read<Map>(header)
    assert.deepEqual(read.data, { a: "mine", b: "2" })
    const replaced = await objects.replace<Map>({ ...read, data: { only: "this" } } as Map)
    assert.deepEqual(replaced.data, { only: "this" })
    const list = await objects.list<Map>("v1", "ConfigMap", namespace)
    assert.ok(list.items.some((item) => item.metadata?.name === "any"))
    await objects.delete(header)
    await assert.rejects(objects.read(header), (error) => error instanceof ApiException && error.code === 404)
  })

  test("top counts what nodes have and pods ask for; metrics, when they are served", async () => {
    const { config } = library()
    const nodes = await topNodes(config.makeApiClient(CoreV1Api))
    assert.equal(nodes.length, 2)
    assert.ok(nodes.every((node) => Number(node.CPU.Capacity) > 0))
    const { groups } = await config.makeApiClient(ApisApi).getAPIVersions()
    if (!groups.some((group) => group.name === "metrics.k8s.io")) return
    assert.equal((await new Metrics(config).getNodeMetrics()).items.length, 2)
  })
}
