import assert from "node:assert/strict"
import { test } from "node:test"
import { AppsV1Api, CoreV1Api, makeInformer, type V1Pod, Watch } from "@kubernetes/client-node"
import type { Library } from "./index.ts"

/** Lists and watches, kept up by the library. */
export function informerTests(library: () => Library): void {
  test("an informer tells of what is added, updated and deleted, and keeps a cache", async () => {
    const { config, namespace, cluster } = library()
    const core = config.makeApiClient(CoreV1Api)
    const path = `/api/v1/namespaces/${namespace}/configmaps`
    const labelSelector = "seen=yes"
    const informer = makeInformer(
      config,
      path,
      () => core.listNamespacedConfigMap({ namespace, labelSelector }),
      labelSelector,
    )
    const told: string[] = []
    for (const verb of ["add", "update", "delete"] as const) {
      informer.on(verb, (object) => told.push(`${verb} ${object.metadata?.name} ${object.data?.["a"]}`))
    }
    const errors: unknown[] = []
    informer.on("error", (error) => errors.push(error))
    const create = (name: string, seen: string) =>
      core.createNamespacedConfigMap({ namespace, body: { metadata: { name, labels: { seen } }, data: { a: "1" } } })
    await create("early", "yes")
    await informer.start()
    try {
      await create("late", "yes")
      await create("unseen", "no")
      await core.patchNamespacedConfigMap({
        namespace,
        name: "late",
        body: [{ op: "replace", path: "/data/a", value: "2" }],
      })
      await core.deleteNamespacedConfigMap({ namespace, name: "early" })
      const expected = ["add early 1", "add late 1", "update late 2", "delete early 1"]
      await cluster.until("all events", async () => told.length >= expected.length)
      assert.deepEqual(told, expected)
      assert.equal(informer.get("late", namespace)?.data?.["a"], "2")
      assert.equal(informer.list(namespace).length, 1)
      assert.deepEqual(errors, [])
    } finally {
      await informer.stop()
      await core.deleteCollectionNamespacedConfigMap({ namespace })
    }
  })

  test("a pod's life is seen in order", async () => {
    const { config, namespace, cluster } = library()
    const core = config.makeApiClient(CoreV1Api)
    const path = `/api/v1/namespaces/${namespace}/pods`
    const informer = makeInformer<V1Pod>(config, path, () => core.listNamespacedPod({ namespace }))
    const phases: string[] = []
    let gone = false
    const note = (pod: V1Pod): void => {
      const phase = pod.status?.phase ?? ""
      if (pod.metadata?.name === "short" && phases.at(-1) !== phase) phases.push(phase)
    }
    informer.on("change", note)
    informer.on("delete", (pod) => {
      gone ||= pod.metadata?.name === "short"
    })
    await informer.start()
    try {
      const container = { name: "main", image: "busybox", imagePullPolicy: "IfNotPresent", command: ["sleep", "1"] }
      const spec = { restartPolicy: "Never", terminationGracePeriodSeconds: 1, containers: [container] }
      await core.createNamespacedPod({ namespace, body: { metadata: { name: "short" }, spec } })
      await cluster.until("its end", async () => phases.at(-1) === "Succeeded")
      assert.deepEqual(phases, ["Pending", "Running", "Succeeded"])
      await core.deleteNamespacedPod({ namespace, name: "short" })
      await cluster.until("its deletion", async () => gone)
    } finally {
      await informer.stop()
    }
  })

  test("a watch with bookmarks, ended by the client", async () => {
    const { config, namespace, cluster } = library()
    const apps = config.makeApiClient(AppsV1Api)
    const { metadata } = await apps.listNamespacedDeployment({ namespace })
    const seen: string[] = []
    const query = { allowWatchBookmarks: true, resourceVersion: metadata?.resourceVersion ?? "" }
    const ended = Promise.withResolvers<unknown>()
    const watch = await new Watch(config).watch(
      `/apis/apps/v1/namespaces/${namespace}/deployments`,
      query,
      (type) => seen.push(type),
      ended.resolve,
    )
    await apps.patchNamespacedDeployment({
      namespace,
      name: "web",
      body: [{ op: "add", path: "/metadata/annotations/touched", value: "yes" }],
    })
    await cluster.until("the change", async () => seen.includes("MODIFIED"))
    watch.abort()
    await ended.promise
  })
}
