import assert from "node:assert/strict"
import { type TestContext, test } from "node:test"
import { type admissionregistrationv1, type appsv1, type corev1, refs } from "@ladya/api"
import type { KubeObject } from "@ladya/apimachinery"
import { newMemoryStore } from "@ladya/store"
import { systemClock, waitFor } from "@ladya/util"
import { type SecureServer, startSecureServer } from "../secure-server.ts"

type Spec = admissionregistrationv1.ValidatingAdmissionPolicySpec
type BindingSpec = Partial<admissionregistrationv1.ValidatingAdmissionPolicyBindingSpec>
type MutatingSpec = admissionregistrationv1.MutatingAdmissionPolicySpec

const apiVersion = "admissionregistration.k8s.io/v1"
const on = (resource: string, ...operations: string[]) => ({
  resourceRules: [
    {
      apiGroups: ["*"],
      apiVersions: ["v1"],
      resources: [resource],
      operations: operations.length ? operations : ["*"],
    },
  ],
})

async function setUp(t: TestContext) {
  const store = newMemoryStore({ clock: systemClock })
  const server = await startSecureServer(t, store)
  t.after(() => store.close())
  const { client } = server
  return {
    server,
    client,
    async policy(name: string, spec: Spec, binding: BindingSpec = {}) {
      await client.resource(refs.validatingadmissionpolicies).create({
        apiVersion,
        kind: "ValidatingAdmissionPolicy",
        metadata: { name },
        spec,
      })
      await client.resource(refs.validatingadmissionpolicybindings).create({
        apiVersion,
        kind: "ValidatingAdmissionPolicyBinding",
        metadata: { name: `${name}-binding` },
        spec: { policyName: name, validationActions: ["Deny"], ...binding },
      })
    },
    async mutation(
      name: string,
      spec: MutatingSpec,
      binding: admissionregistrationv1.MutatingAdmissionPolicyBindingSpec = {},
    ) {
      await client.resource(refs.mutatingadmissionpolicies).create({
        apiVersion,
        kind: "MutatingAdmissionPolicy",
        metadata: { name },
        spec,
      })
      await client.resource(refs.mutatingadmissionpolicybindings).create({
        apiVersion,
        kind: "MutatingAdmissionPolicyBinding",
        metadata: { name: `${name}-binding` },
        spec: { policyName: name, ...binding },
      })
    },
    configMap: (name: string, data?: Record<string, string>, labels?: Record<string, string>) =>
      client.resource(refs.configmaps).create({
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: { name, namespace: "default", ...(labels ? { labels } : {}) },
        ...(data ? { data } : {}),
      }),
    deployment: (name: string, replicas: number) =>
      client.resource(refs.deployments).create(deployment(name, replicas)),
  }
}

function deployment(name: string, replicas: number): appsv1.Deployment {
  const labels = { app: name }
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace: "default" },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: "c", image: "nginx" }] } },
    },
  }
}

async function failure(promise: Promise<unknown>): Promise<{ message: string; code: number; reason: string }> {
  return promise.then(
    () => assert.fail("this was to be refused"),
    (error: Error & { code: number; reason: string }) => error,
  )
}

async function warningsOf(server: SecureServer, object: KubeObject, path: string): Promise<string[]> {
  const { request } = await import("node:https")
  return new Promise((resolve, reject) => {
    const sent = request(
      {
        ...{ host: "127.0.0.1", port: server.port, method: "POST", path, ca: server.pki.caCertificate, agent: false },
        cert: server.pki.admin.certificate,
        key: server.pki.admin.key,
        headers: { "content-type": "application/json" },
      },
      (response) => {
        response.resume()
        const { warning } = response.headers
        resolve(warning === undefined ? [] : [warning].flat())
      },
    )
    sent.on("error", reject)
    sent.end(JSON.stringify(object))
  })
}

test("a policy counts as soon as it is bound, and says why", async (t) => {
  const { policy, deployment, client, configMap } = await setUp(t)
  await policy("replicas", {
    matchConstraints: on("deployments", "CREATE", "UPDATE"),
    validations: [
      { expression: "object.spec.replicas <= 5" },
      { expression: "object.spec.replicas > 1", message: "too few", reason: "Forbidden" },
      { expression: "object.spec.replicas != 3", messageExpression: "'not ' + string(object.spec.replicas)" },
    ],
  })
  await configMap("other")
  const many = await failure(deployment("a", 6))
  assert.deepEqual([many.code, many.reason], [422, "Invalid"])
  assert.equal(
    many.message,
    `deployments.apps "a" is forbidden: ValidatingAdmissionPolicy 'replicas' with binding 'replicas-binding' denied request: failed expression: object.spec.replicas <= 5`,
  )
  const few = await failure(deployment("a", 1))
  assert.deepEqual([few.code, few.reason], [403, "Forbidden"])
  assert.match(few.message, /denied request: too few$/)
  assert.match((await failure(deployment("a", 3))).message, /denied request: not 3$/)
  const made = await deployment("a", 2)
  const update = client
    .resource(refs.deployments)
    .update({ ...made, spec: { ...made.spec, replicas: 9 } } as typeof made)
  assert.match((await failure(update)).message, /object.spec.replicas <= 5/)
  await client.resource(refs.validatingadmissionpolicybindings).delete("replicas-binding")
  await deployment("b", 6)
})

test("expressions see variables, parameters, the namespace, the request and the authorizer", async (t) => {
  const { policy, configMap, client } = await setUp(t)
  await client.resource(refs.configmaps).create({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "limits", namespace: "default", labels: { kind: "limits" } },
    data: { max: "2" },
  })
  await policy(
    "count",
    {
      paramKind: { apiVersion: "v1", kind: "ConfigMap" },
      matchConstraints: on("configmaps", "CREATE"),
      matchConditions: [{ name: "has-data", expression: "has(object.data)" }],
      variables: [
        { name: "keys", expression: "object.data.map(k, k)" },
        { name: "max", expression: "int(params.data.max)" },
      ],
      validations: [
        { expression: "size(variables.keys) <= variables.max", messageExpression: "'at most ' + params.data.max" },
        { expression: "namespaceObject.metadata.name == 'default' && request.namespace == 'default'" },
        { expression: "request.userInfo.username == 'kubernetes-admin' && request.operation == 'CREATE'" },
        { expression: "authorizer.group('').resource('pods').namespace('x').check('list').allowed()" },
        { expression: "authorizer.requestResource.check('create').allowed()" },
        { expression: "!authorizer.serviceAccount('a', 'b').group('').resource('pods').check('get').allowed()" },
        { expression: "oldObject == null && object.apiVersion == 'v1'" },
      ],
    },
    { paramRef: { name: "limits", namespace: "default", parameterNotFoundAction: "Deny" } },
  )
  await configMap("two", { a: "1", b: "2" })
  await configMap("none")
  assert.match((await failure(configMap("three", { a: "", b: "", c: "" }))).message, /denied request: at most 2$/)
  await client.resource(refs.configmaps).delete("limits", { namespace: "default" })
  assert.match(
    (await failure(configMap("one", { a: "" }))).message,
    /denied request: failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction$/,
  )
})

test("errors of evaluation deny or are passed over, as the policy says", async (t) => {
  const { policy, configMap, client } = await setUp(t)
  await policy("fail", {
    matchConstraints: on("configmaps"),
    validations: [{ expression: "object.data.missing == 'x'" }],
  })
  assert.match(
    (await failure(configMap("a", { b: "c" }))).message,
    /denied request: expression 'object.data.missing == 'x'' resulted in error: no such key: missing$/,
  )
  await client.resource(refs.validatingadmissionpolicies).delete("fail")
  await policy("ignore", {
    failurePolicy: "Ignore",
    matchConstraints: on("configmaps"),
    validations: [{ expression: "object.data.missing == 'x'" }],
  })
  await configMap("a", { b: "c" })
})

test("bindings narrow a policy down, warn instead of denying, and leave notes", async (t) => {
  const { policy, configMap, server } = await setUp(t)
  await policy(
    "guarded",
    {
      matchConstraints: {
        ...on("configmaps"),
        excludeResourceRules: [{ ...rule("configmaps"), resourceNames: ["free"] }],
      },
      validations: [{ expression: "false", message: "guarded" }],
    },
    { matchResources: { objectSelector: { matchLabels: { guarded: "yes" } } } },
  )
  await configMap("a")
  const labels = { guarded: "yes" }
  await configMap("free", {}, labels)
  assert.match((await failure(configMap("b", {}, labels))).message, /denied request: guarded/)
  await policy(
    "warner",
    { matchConstraints: on("configmaps"), validations: [{ expression: "false", message: "hm" }] },
    { validationActions: ["Warn", "Audit"] },
  )
  const object = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "c" } } as KubeObject
  assert.deepEqual(await warningsOf(server, object, "/api/v1/namespaces/default/configmaps"), [
    `299 - "Validation failed for ValidatingAdmissionPolicy 'warner' with binding 'warner-binding': hm"`,
  ])
})

const rule = (resource: string) => ({ apiGroups: ["*"], apiVersions: ["*"], operations: ["*"], resources: [resource] })

test("a policy applies configurations and patches, in order, with parameters and variables", async (t) => {
  const { mutation, configMap, client, deployment: create } = await setUp(t)
  await mutation("a-label", {
    matchConstraints: on("configmaps", "CREATE"),
    variables: [{ name: "label", expression: "'made-by-' + request.userInfo.username" }],
    mutations: [
      {
        patchType: "ApplyConfiguration",
        applyConfiguration: {
          expression: "Object{metadata: Object.metadata{labels: {'by': variables.label}}, data: {'first': 'yes'}}",
        },
      },
      {
        patchType: "JSONPatch",
        jsonPatch: {
          expression:
            "[JSONPatch{op: 'test', path: '/data/first', value: 'yes'}, JSONPatch{op: 'add', path: '/metadata/labels/' + jsonpatch.escapeKey('a.b/c'), value: 'second'}]",
        },
      },
    ],
  })
  const map = await configMap("m", { x: "1" })
  assert.deepEqual(map.data, { x: "1", first: "yes" })
  assert.deepEqual(map.metadata.labels, { by: "made-by-kubernetes-admin", "a.b/c": "second" })

  await mutation("sidecar", {
    matchConstraints: on("deployments", "CREATE"),
    matchConditions: [
      { name: "none", expression: "!object.spec.template.spec.containers.exists(c, c.name == 'side')" },
    ],
    mutations: [
      {
        patchType: "ApplyConfiguration",
        applyConfiguration: {
          expression: `Object{
            spec: Object.spec{
              template: Object.spec.template{
                spec: Object.spec.template.spec{
                  containers: [Object.spec.template.spec.containers{name: 'side', image: 'busybox'}]
                }
              }
            }
          }`,
        },
      },
    ],
  })
  const made = await create("d", 1)
  assert.deepEqual(
    made.spec?.template.spec?.containers.map(({ name, imagePullPolicy }) => [name, imagePullPolicy]).sort(),
    [
      ["c", "Always"],
      ["side", "Always"],
    ],
  )
  await client.resource(refs.mutatingadmissionpolicies).delete("a-label")
  await mutation("atomic", {
    matchConstraints: on("configmaps", "CREATE"),
    mutations: [
      {
        patchType: "JSONPatch",
        jsonPatch: { expression: "[JSONPatch{op: 'remove', path: '/data/none'}]" },
      },
    ],
  })
  assert.match(
    (await failure(configMap("n", { a: "b" }))).message,
    /policy 'atomic' with binding 'atomic-binding' denied request: JSON Patch: /,
  )
})

test("a policy that mutates is asked again when a later one changed the object, if it wants", async (t) => {
  const { mutation, configMap } = await setUp(t)
  const add = (key: string, value: string) => ({
    patchType: "ApplyConfiguration",
    applyConfiguration: { expression: `Object{data: {'${key}': ${value}}}` },
  })
  await mutation("a", {
    matchConstraints: on("configmaps", "CREATE"),
    reinvocationPolicy: "IfNeeded",
    mutations: [add("count", "string(size(object.data))")],
  })
  await mutation("b", { matchConstraints: on("configmaps", "CREATE"), mutations: [add("b", "'1'")] })
  const map = await configMap("m", { x: "1" })
  assert.deepEqual(map.data, { x: "1", b: "1", count: "3" })
})

test("what is wrong with expressions is told when they are written", async (t) => {
  const { client } = await setUp(t)
  const { message } = await failure(
    client.resource(refs.validatingadmissionpolicies).create({
      apiVersion,
      kind: "ValidatingAdmissionPolicy",
      metadata: { name: "p" },
      spec: {
        matchConstraints: on("pods"),
        variables: [{ name: "a", expression: "variables.b" }],
        validations: [
          { expression: "object.spec.x >" },
          { expression: "object.spec.x" },
          { expression: "nothing == 1" },
          { expression: "true", messageExpression: "1" },
        ],
      },
    }),
  )
  for (const text of [
    "spec.variables[0].expression: Invalid value: \"variables.b\": compilation failed: ERROR: <input>:1:10: undefined field 'b'",
    'spec.validations[0].expression: Invalid value: "object.spec.x >": compilation failed: ERROR: <input>:1:',
    'spec.validations[1].expression: Invalid value: "object.spec.x": must evaluate to bool',
    "undeclared reference to 'nothing' (in container '')",
    'spec.validations[3].messageExpression: Invalid value: "1": must evaluate to string',
  ]) {
    assert.ok(message.includes(text), `${text}\nin\n${message}`)
  }
})

test("policies see custom resources, deletions and connections; not what configures admission", async (t) => {
  const { policy, client, configMap, server } = await setUp(t)
  await policy("all", {
    matchConstraints: { resourceRules: [{ ...rule("*/*"), operations: ["DELETE", "CONNECT"] }] },
    validations: [
      { expression: "request.operation != 'CONNECT'", message: "no connections" },
      { expression: "object == null || oldObject == null" },
    ],
  })
  await configMap("m")
  await client.resource(refs.configmaps).delete("m", { namespace: "default" })
  await client.resource(refs.serviceaccounts).create({
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: { name: "default", namespace: "default" },
  })
  const pod: corev1.Pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p", namespace: "default" },
    spec: { containers: [{ name: "c", image: "i" }] },
  }
  await client.resource(refs.pods).create(pod)
  const exec = await server.http("POST", "/api/v1/namespaces/default/pods/p/exec?command=ls&stdout=1", {
    credentials: server.pki.admin,
  })
  assert.match(exec.json.message, /no connections/)
  await client.resource(refs.validatingadmissionpolicybindings).delete("all-binding")
  await client.resource(refs.validatingadmissionpolicies).delete("all")
})

test("the types of the objects are held against the expressions, and the status tells", async (t) => {
  const { policy, client } = await setUp(t)
  await policy("typed", {
    matchConstraints: {
      resourceRules: [
        { apiGroups: ["apps"], apiVersions: ["v1"], resources: ["deployments", "replicasets"], operations: ["*"] },
      ],
    },
    variables: [{ name: "replicas", expression: "object.spec.replicas" }],
    validations: [
      { expression: "object.spec.replicas > 1 && object.metadata.labels['a'] == 'b' && variables.replicas < 9" },
      { expression: "object.spec.paused" },
      { expression: "variables.replicas == '1'", messageExpression: "'x' + object.spec.nothing" },
    ].map((one) => (one.expression === "object.spec.paused" ? { expression: "object.spec.paused == true" } : one)),
  })
  const { status } = await waitFor(
    systemClock,
    async () => {
      const found = await client.resource(refs.validatingadmissionpolicies).get("typed")
      return found.status?.observedGeneration === found.metadata.generation ? found : undefined
    },
    { description: "the policy to be observed", timeoutMs: 30_000 },
  )
  const warnings = status?.typeChecking?.expressionWarnings ?? []
  assert.deepEqual(
    warnings.map(({ fieldRef }) => fieldRef),
    ["spec.validations[1].expression", "spec.validations[2].expression", "spec.validations[2].messageExpression"],
  )
  assert.equal(
    warnings[0]?.warning,
    "apps/v1, Kind=ReplicaSet: ERROR: <input>:1:12: undefined field 'paused'\n | object.spec.paused == true\n | ...........^\n",
  )
  assert.match(
    warnings[1]?.warning ?? "",
    /Kind=Deployment: ERROR: .*found no matching overload for '_==_' applied to '\(int, string\)'/,
  )
  assert.match(warnings[2]?.warning ?? "", /Deployment: ERROR.*nothing.*ReplicaSet: ERROR.*nothing/s)
})
