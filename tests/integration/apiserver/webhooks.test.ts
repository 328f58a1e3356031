import assert from "node:assert/strict"
import { type TestContext, test } from "node:test"
import { type admissionregistrationv1, type corev1, refs } from "@ladya/api"
import { isStatus, type KubeObject } from "@ladya/apimachinery"
import { newMemoryStore } from "@ladya/store"
import { systemClock, waitFor } from "@ladya/util"
import { newTestPki } from "../certificates.ts"
import { type SecureServer, startSecureServer } from "../secure-server.ts"
import { startWebhookServer, type WebhookRequest, type WebhookServer } from "../webhook-server.ts"

type Hook = admissionregistrationv1.MutatingWebhook & admissionregistrationv1.ValidatingWebhook
// biome-ignore lint/suspicious/noExplicitAny: answers of every shape.
type Response = Record<string, any> | "hang"

const pki = await newTestPki()
const caBundle = Buffer.from(pki.ca).toString("base64")

interface Fixture {
  server: SecureServer
  hooks: WebhookServer
  /** Registers webhooks; a marker says when they count. */
  mutating(name: string, ...webhooks: Partial<Hook>[]): Promise<void>
  validating(name: string, ...webhooks: Partial<Hook>[]): Promise<void>
  configMap(name: string, data?: Record<string, string>, more?: object): Promise<corev1.ConfigMap>
}

const rule = { operations: ["CREATE"], apiGroups: [""], apiVersions: ["v1"], resources: ["configmaps"] }

/** `answers`: by path, the response to a request. */
async function setUp(
  t: TestContext,
  answers: Record<string, (request: WebhookRequest["body"]["request"]) => Response>,
): Promise<Fixture> {
  const store = newMemoryStore({ clock: systemClock })
  const server = await startSecureServer(t, store)
  t.after(() => store.close())
  const hooks = await startWebhookServer(t, pki.server, ({ path, body }) => {
    const response = answers[path.slice(1)]?.(body.request) ?? { allowed: false, status: { message: `no ${path}` } }
    if (response === "hang") return "hang"
    return { kind: body.kind, apiVersion: body.apiVersion, response: { uid: body.request.uid, ...response } }
  })
  const complete = (name: string, webhooks: Partial<Hook>[]): Hook[] =>
    webhooks.map(
      (given, index): Hook => ({
        name: `h${index}.${name}.example.com`,
        admissionReviewVersions: ["v1"],
        sideEffects: "None",
        rules: [rule],
        ...given,
        clientConfig: given.clientConfig?.url
          ? { url: hooks.url + given.clientConfig.url, caBundle }
          : (given.clientConfig ?? { url: `${hooks.url}/none`, caBundle }),
      }),
    )
  const { client } = server
  return {
    server,
    hooks,
    async mutating(name, ...webhooks) {
      await client.resource(refs.mutatingwebhookconfigurations).create({
        apiVersion: "admissionregistration.k8s.io/v1",
        kind: "MutatingWebhookConfiguration",
        metadata: { name },
        webhooks: complete(name, webhooks),
      })
    },
    async validating(name, ...webhooks) {
      await client.resource(refs.validatingwebhookconfigurations).create({
        apiVersion: "admissionregistration.k8s.io/v1",
        kind: "ValidatingWebhookConfiguration",
        metadata: { name },
        webhooks: complete(name, webhooks),
      })
    },
    configMap: (name, data, more) =>
      client.resource(refs.configmaps).create({
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: { name, namespace: "default", ...more },
        ...(data ? { data } : {}),
      }),
  }
}

const at = (url: string): Hook["clientConfig"] => ({ url })

function patched(...operations: object[]): Response {
  const patch = Buffer.from(JSON.stringify(operations)).toString("base64")
  return { allowed: true, patchType: "JSONPatch", patch }
}

const message = async (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => assert.fail("this was to be refused"),
    (error: Error) => error.message,
  )

test("a validating webhook denies at once, with its own code, reason and warnings", async (t) => {
  const { validating, configMap, hooks, server } = await setUp(t, {
    deny: () => ({ allowed: false, status: { message: "no maps", code: 418, reason: "Teapot" }, warnings: ["beware"] }),
  })
  await configMap("before")
  await validating("deny", { clientConfig: at("/deny") })
  await assert.rejects(configMap("after", { a: "b" }), (error: unknown) => {
    assert.ok(error instanceof Error)
    assert.equal(error.message, 'admission webhook "h0.deny.example.com" denied the request: no maps')
    assert.deepEqual((error as unknown as { code: number; reason: string }).code, 418)
    return true
  })
  const { request, kind, apiVersion } = hooks.requests[0]?.body ?? {}
  assert.deepEqual([kind, apiVersion], ["AdmissionReview", "admission.k8s.io/v1"])
  const { uid, object, options, userInfo, ...rest } = request
  assert.match(uid, /^[0-9a-f-]{36}$/)
  assert.equal(object.metadata.name, "after")
  assert.ok(object.metadata.uid, "a validating webhook sees the object as it would be stored")
  assert.equal(options.kind, "CreateOptions")
  assert.equal(userInfo.username, "kubernetes-admin")
  assert.deepEqual(rest, {
    kind: { group: "", version: "v1", kind: "ConfigMap" },
    resource: { group: "", version: "v1", resource: "configmaps" },
    requestKind: { group: "", version: "v1", kind: "ConfigMap" },
    requestResource: { group: "", version: "v1", resource: "configmaps" },
    name: "after",
    namespace: "default",
    operation: "CREATE",
    dryRun: false,
    oldObject: null,
  })
  // What configures admission is not subject to it.
  await server.client.resource(refs.validatingwebhookconfigurations).delete("deny")
  await configMap("after")
})

test("mutating webhooks work in order, what they make is decoded, defaulted and validated", async (t) => {
  const { mutating, server } = await setUp(t, {
    first: ({ object }) => patched({ op: "add", path: "/data", value: { ...object.data, first: "yes" } }),
    second: ({ object }) => patched({ op: "add", path: "/data/second", value: object.data.first ?? "no" }),
    container: () =>
      patched({ op: "add", path: "/spec/containers/-", value: { name: "more", image: "x", unknownField: 1 } }),
    broken: () => patched({ op: "replace", path: "/spec/containers", value: [] }),
    label: () => patched({ op: "add", path: "/metadata/labels", value: { a: "b" } }),
  })
  const { client } = server
  await mutating("b", { clientConfig: at("/second") })
  await mutating("a", { clientConfig: at("/first") })
  const map = await client.resource(refs.configmaps).create({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { generateName: "x-", namespace: "default" },
  })
  assert.deepEqual(map.data, { first: "yes", second: "yes" })
  const pods = { ...rule, resources: ["pods"] }
  await mutating("pods", { clientConfig: at("/container"), rules: [pods] })
  await client.resource(refs.serviceaccounts).create({
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: { name: "default", namespace: "default" },
  })
  const pod = (name: string): corev1.Pod => ({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: "default" },
    spec: { containers: [{ name: "c", image: "i" }] },
  })
  const made = await client.resource(refs.pods).create(pod("p"))
  const added = made.spec?.containers[1]
  assert.equal(added?.imagePullPolicy, "Always")
  assert.equal("unknownField" in (added ?? {}), false)
  await mutating("zz", { clientConfig: at("/broken"), rules: [pods] })
  assert.match(await message(client.resource(refs.pods).create(pod("q"))), /spec.containers: Required value/)
})

test("patches that cannot be carried out are internal errors", async (t) => {
  const { mutating, server, configMap } = await setUp(t, {
    missing: () => patched({ op: "remove", path: "/data/none" }),
    merge: () => ({ allowed: true, patchType: "Merge", patch: Buffer.from("{}").toString("base64") }),
    half: () => ({ allowed: true, patch: Buffer.from("[]").toString("base64") }),
    deleted: () => patched({ op: "add", path: "/data", value: {} }),
  })
  const cases: [string, string][] = [
    [
      "/missing",
      "Internal error occurred: error in remove for path: '/data/none': Unable to remove nonexistent key: none: missing value",
    ],
    ["/merge", 'Internal error occurred: failed calling webhook "h0.x.example.com": unsupported patch type "Merge"'],
    [
      "/half",
      'Internal error occurred: failed calling webhook "h0.x.example.com": received invalid webhook response: webhook returned response.patch but not response.patchType',
    ],
  ]
  for (const [path, want] of cases) {
    await mutating("x", { clientConfig: at(path) })
    assert.equal(await message(configMap("m", { a: "b" })), want)
    await server.client.resource(refs.mutatingwebhookconfigurations).delete("x")
  }
  await configMap("m")
  await mutating("x", { clientConfig: at("/deleted"), rules: [{ ...rule, operations: ["DELETE"] }] })
  assert.equal(
    await message(server.client.resource(refs.configmaps).delete("m", { namespace: "default" })),
    'Internal error occurred: admission webhook "h0.x.example.com" attempted to modify the object, which is not supported for this operation',
  )
})

test("a webhook that does not answer fails the request, or is ignored", async (t) => {
  const { validating, server, configMap, hooks } = await setUp(t, { hang: () => "hang" })
  await validating("v", { clientConfig: at("/hang"), timeoutSeconds: 1 })
  assert.equal(
    await message(configMap("m")),
    `Internal error occurred: failed calling webhook "h0.v.example.com": failed to call webhook: Post "${hooks.url}/hang?timeout=1s": context deadline exceeded`,
  )
  await server.client.resource(refs.validatingwebhookconfigurations).delete("v")
  await validating("v", { clientConfig: at("/hang"), timeoutSeconds: 1, failurePolicy: "Ignore" })
  await configMap("m")
  assert.equal(hooks.requests.length, 2)
  const metrics = String((await server.http("GET", "/metrics", { credentials: server.pki.admin })).json)
  assert.match(metrics, /apiserver_admission_webhook_fail_open_count\{name="h0.v.example.com",type="validating"\} 1/)
  assert.match(metrics, /apiserver_admission_webhook_rejection_count\{.*error_type="calling_webhook_error".*\} 1/)
})

test("selectors look at the namespace, and at the object as it is and as it was", async (t) => {
  const { validating, server, hooks, configMap } = await setUp(t, { deny: () => ({ allowed: false }) })
  const { client } = server
  await validating(
    "objects",
    {
      clientConfig: at("/deny"),
      rules: [{ ...rule, operations: ["*"] }],
      objectSelector: { matchLabels: { guarded: "yes" } },
    },
    {
      clientConfig: at("/deny"),
      rules: [{ ...rule, operations: ["CREATE"], resources: ["configmaps", "namespaces"] }],
      namespaceSelector: { matchLabels: { closed: "yes" } },
    },
  )
  const denied = 'admission webhook "h0.objects.example.com" denied the request without explanation'
  const map = await configMap("m")
  const labels = { guarded: "yes" }
  assert.equal(await message(configMap("n", {}, { labels })), denied)
  const update = client.resource(refs.configmaps).update({ ...map, metadata: { ...map.metadata, labels } })
  assert.equal(await message(update), denied)
  const closed: KubeObject = {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name: "shut", labels: { closed: "yes" } },
  }
  assert.match(await message(client.resource(refs.namespaces).create(closed as corev1.Namespace)), /h1.objects/)
  await client.resource(refs.namespaces).create({ ...closed, metadata: { name: "shut" } } as corev1.Namespace)
  await client.resource(refs.namespaces).update(closed as corev1.Namespace)
  const inside = client.resource(refs.configmaps).create({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "m", namespace: "shut" },
  })
  assert.match(await message(inside), /h1.objects/)
  assert.equal(hooks.requests.length, 4)
})

test("rules of another version match what is equivalent, unless they ask for what is exactly so", async (t) => {
  const { validating, server, hooks } = await setUp(t, { deny: ({ kind }) => ({ allowed: kind.version === "v2" }) })
  const rules = [{ operations: ["CREATE"], apiGroups: ["autoscaling"], apiVersions: ["v2"], resources: ["*"] }]
  await validating("v", { clientConfig: at("/deny"), rules })
  const create = (name: string) =>
    server.client.resource({ ...refs.horizontalpodautoscalers, version: "v1" }).create({
      apiVersion: "autoscaling/v1",
      kind: "HorizontalPodAutoscaler",
      metadata: { name, namespace: "default" },
      spec: {
        maxReplicas: 3,
        targetCPUUtilizationPercentage: 50,
        scaleTargetRef: { kind: "Deployment", name: "d", apiVersion: "apps/v1" },
      },
    } as unknown as KubeObject as never)
  await create("a")
  const { request } = hooks.requests[0]?.body ?? {}
  assert.equal(request.object.apiVersion, "autoscaling/v2")
  assert.equal(request.object.spec.metrics[0].resource.name, "cpu")
  assert.deepEqual([request.kind.version, request.resource.version], ["v2", "v2"])
  assert.deepEqual([request.requestKind.version, request.requestResource.version], ["v1", "v1"])
  await server.client.resource(refs.validatingwebhookconfigurations).delete("v")
  await validating("v", { clientConfig: at("/deny"), rules, matchPolicy: "Exact" })
  await create("b")
  assert.equal(hooks.requests.length, 1)
})

test("subresources show what they are about: scales, evictions, bindings, connections", async (t) => {
  const { validating, mutating, server, hooks } = await setUp(t, {
    deny: () => ({ allowed: false }),
    three: () => patched({ op: "replace", path: "/spec/replicas", value: 3 }),
  })
  const { client } = server
  const credentials = server.pki.admin
  await client.resource(refs.serviceaccounts).create({
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: { name: "default", namespace: "default" },
  })
  await client.resource(refs.pods).create({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p", namespace: "default" },
    spec: { containers: [{ name: "c", image: "i" }] },
  })
  const labels = { a: "b" }
  await client.resource(refs.deployments).create({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "d", namespace: "default" },
    spec: {
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: "c", image: "i" }] } },
    },
  })
  const all = { operations: ["*"], apiGroups: ["*"], apiVersions: ["*"] }
  await mutating("scale", {
    clientConfig: at("/three"),
    rules: [{ ...all, operations: ["UPDATE"], resources: ["deployments/scale"] }],
  })
  const scaled = await server.http("PUT", "/apis/apps/v1/namespaces/default/deployments/d/scale", {
    credentials,
    body: {
      apiVersion: "autoscaling/v1",
      kind: "Scale",
      metadata: { name: "d", namespace: "default" },
      spec: { replicas: 2 },
    },
  })
  assert.equal(scaled.json.spec.replicas, 3)
  const scale = hooks.requests[0]?.body.request
  assert.deepEqual(scale.kind, { group: "autoscaling", version: "v1", kind: "Scale" })
  assert.deepEqual(scale.resource, { group: "apps", version: "v1", resource: "deployments" })
  assert.deepEqual([scale.subResource, scale.oldObject.spec.replicas], ["scale", 1])
  assert.equal(hooks.requests.length, 1, "the Deployment's own update is part of it")

  await validating("connect", {
    clientConfig: at("/deny"),
    rules: [{ ...all, operations: ["CONNECT", "CREATE"], resources: ["pods/*"] }],
  })
  const pod = "/api/v1/namespaces/default/pods/p"
  const exec = await server.http("POST", `${pod}/exec?command=ls&command=-l&stdout=true&container=c`, { credentials })
  assert.equal(exec.json.message, 'admission webhook "h0.connect.example.com" denied the request without explanation')
  assert.deepEqual(hooks.requests.at(-1)?.body.request.object, {
    kind: "PodExecOptions",
    apiVersion: "v1",
    stdout: true,
    container: "c",
    command: ["ls", "-l"],
  })
  assert.equal(hooks.requests.at(-1)?.body.request.operation, "CONNECT")
  const metadata = { name: "p", namespace: "default" }
  const eviction = { apiVersion: "policy/v1", kind: "Eviction", metadata }
  assert.match(
    await message(client.resource(refs.pods).createSubresource("p", "eviction", eviction, { namespace: "default" })),
    /denied/,
  )
  assert.equal(hooks.requests.at(-1)?.body.request.kind.kind, "Eviction")
  const target = { kind: "Node", name: "n" }
  const binding = { apiVersion: "v1", kind: "Binding", metadata, target }
  assert.match(
    await message(client.resource(refs.pods).createSubresource("p", "binding", binding, { namespace: "default" })),
    /denied/,
  )
  assert.equal(hooks.requests.at(-1)?.body.request.object.target.name, "n")
})

test("a webhook is asked again when a later one changed the object, if it wants", async (t) => {
  const { mutating, configMap, hooks } = await setUp(t, {
    a: ({ object }) =>
      patched({ op: "add", path: "/metadata/annotations", value: { seen: Object.keys(object.data).join() } }),
    b: () => patched({ op: "add", path: "/data/b", value: "1" }),
    c: () => ({ allowed: true }),
  })
  await mutating(
    "again",
    { clientConfig: at("/a"), reinvocationPolicy: "IfNeeded" },
    { clientConfig: at("/c") },
    { clientConfig: at("/b") },
  )
  const map = await configMap("m", { x: "1" })
  assert.equal(map.metadata.annotations?.["seen"], "x,b")
  assert.deepEqual(
    hooks.requests.map(({ path }) => path),
    ["/a", "/c", "/b", "/a"],
  )
})

test("custom resources are mutated, pruned and denied; deletions of many are asked about one by one", async (t) => {
  const { mutating, validating, server, hooks } = await setUp(t, {
    add: () =>
      patched({ op: "add", path: "/spec/known", value: "yes" }, { op: "add", path: "/spec/unknown", value: 1 }),
    keep: ({ oldObject }) => ({ allowed: oldObject.metadata.name !== "b", status: { message: "stays" } }),
  })
  const { client } = server
  await client.resource(refs.customresourcedefinitions).create({
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: "things.example.com" },
    spec: {
      group: "example.com",
      scope: "Namespaced",
      names: { plural: "things", kind: "Thing" },
      versions: [
        {
          name: "v1",
          served: true,
          storage: true,
          schema: {
            openAPIV3Schema: {
              type: "object",
              properties: { spec: { type: "object", properties: { known: { type: "string" } } } },
            },
          },
        },
      ],
    },
  } as never)
  const things = client.resource({
    group: "example.com",
    version: "v1",
    resource: "things",
    kind: "Thing",
    namespaced: true,
  })
  await waitFor(systemClock, () => things.list({ namespace: "default" }), { description: "things", timeoutMs: 30_000 })
  const rules = [{ operations: ["*"], apiGroups: ["example.com"], apiVersions: ["*"], resources: ["*"] }]
  await mutating("m", { clientConfig: at("/add"), rules: [{ ...rules[0], operations: ["CREATE"] }] })
  await validating("v", { clientConfig: at("/keep"), rules: [{ ...rules[0], operations: ["DELETE"] }] })
  for (const name of ["a", "b", "c"]) {
    const made = await things.create({
      apiVersion: "example.com/v1",
      kind: "Thing",
      metadata: { name, namespace: "default" },
      spec: {},
    } as KubeObject)
    assert.deepEqual((made as unknown as { spec: object }).spec, { known: "yes" })
  }
  assert.match(await message(things.deleteCollection({ namespace: "default" })), /denied the request: stays/)
  const left = (await things.list({ namespace: "default" })).items.map(({ metadata }) => metadata.name)
  assert.ok(left.includes("b"))
  const asked = hooks.requests.filter(({ path }) => path === "/keep")
  assert.equal(asked[0]?.body.request.object, null)
  assert.equal(asked[0]?.body.request.options.kind, "DeleteOptions")
})

test("an unready status of a webhook's own is shown as a failure", async (t) => {
  const { validating, configMap } = await setUp(t, {
    deny: () => ({ allowed: false, status: { status: "Success", code: 200, reason: "Odd" } }),
  })
  await validating("v", { clientConfig: at("/deny") })
  await assert.rejects(configMap("m"), (error: unknown) => {
    assert.ok(error instanceof Error && !isStatus(error, "Forbidden"))
    assert.equal(error.message, 'admission webhook "h0.v.example.com" denied the request: Odd')
    return true
  })
})

test("match conditions choose among requests, and are checked when they are written", async (t) => {
  const { validating, configMap, hooks } = await setUp(t, { deny: () => ({ allowed: false }) })
  const name = "only-x"
  const expression = "object.metadata.name.startsWith('x') && request.namespace == 'default'"
  await validating("v", { clientConfig: at("/deny"), matchConditions: [{ name, expression }] })
  await configMap("a")
  assert.equal(hooks.requests.length, 0)
  assert.match(await message(configMap("x")), /denied/)
  const bad = validating("w", {
    clientConfig: at("/deny"),
    matchConditions: [{ name, expression: "object.metadata.name ==" }],
  })
  assert.match(
    await message(bad),
    /webhooks\[0\].matchConditions\[0\].expression: Invalid value: .*compilation failed: ERROR/,
  )
  const dynamic = validating("w", { clientConfig: at("/deny"), matchConditions: [{ name, expression: "object.x" }] })
  assert.match(await message(dynamic), /must evaluate to bool/)
  await validating("w", {
    clientConfig: at("/deny"),
    matchConditions: [{ name, expression: "object.data.missing == 'x'" }],
  })
  assert.equal(
    await message(configMap("b", { c: "d" })),
    `configmaps "b" is forbidden: expression 'object.data.missing == 'x'' resulted in error: no such key: missing`,
  )
})

test("managed fields that a webhook spoils stay as they were; what it adds nobody owns", async (t) => {
  const { mutating, configMap } = await setUp(t, {
    spoil: () =>
      patched(
        { op: "add", path: "/metadata/managedFields", value: [{ manager: "x", operation: "Guess" }] },
        { op: "add", path: "/data/added", value: "y" },
      ),
  })
  await mutating("m", { clientConfig: at("/spoil") })
  const { data, metadata } = await configMap("m", { own: "x" })
  assert.deepEqual(data, { own: "x", added: "y" })
  const [entry, ...others] = metadata.managedFields ?? []
  assert.equal(others.length, 0)
  assert.deepEqual(entry?.fieldsV1, { "f:data": { ".": {}, "f:own": {} } })
})

test("a dry run asks webhooks without side effects, and tells them", async (t) => {
  const { validating, server, hooks } = await setUp(t, {
    allow: () => ({ allowed: true, auditAnnotations: { a: "b" } }),
  })
  await validating("v", {
    clientConfig: at("/allow"),
    sideEffects: "NoneOnDryRun",
    admissionReviewVersions: ["v1beta1"],
  })
  const path = "/api/v1/namespaces/default/configmaps?dryRun=All&fieldManager=me"
  const body = { apiVersion: "v1", kind: "ConfigMap", metadata: { generateName: "m-" } }
  const answer = await server.http("POST", path, { body, credentials: server.pki.admin })
  assert.equal(answer.status, 201)
  const { apiVersion, request } = hooks.requests[0]?.body ?? {}
  assert.equal(apiVersion, "admission.k8s.io/v1beta1")
  assert.equal(request.dryRun, true)
  assert.deepEqual(request.options, {
    kind: "CreateOptions",
    apiVersion: "meta.k8s.io/v1",
    dryRun: ["All"],
    fieldManager: "me",
  })
})

test("a server comes up with a webhook in its way that nobody can reach", async (t) => {
  const store = newMemoryStore({ clock: systemClock })
  t.after(() => store.close())
  const first = await startSecureServer(t, store)
  await first.client.resource(refs.validatingwebhookconfigurations).create({
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "ValidatingWebhookConfiguration",
    metadata: { name: "closed" },
    webhooks: [
      {
        name: "closed.example.com",
        admissionReviewVersions: ["v1"],
        sideEffects: "None",
        clientConfig: { service: { namespace: "default", name: "none" } },
        rules: [{ operations: ["CREATE", "UPDATE"], apiGroups: ["*"], apiVersions: ["*"], resources: ["*"] }],
      },
    ],
  })
  await first.client.resource(refs.clusterroles).delete("edit")
  await first.stop()
  const second = await startSecureServer(t, store)
  const user = { name: "system:kube-scheduler", groups: ["system:authenticated"] }
  await second.clientAs(user).resource(refs.nodes).list()
  await second.client.resource(refs.validatingwebhookconfigurations).delete("closed")
})
