import assert from "node:assert/strict"
import { spawn } from "node:child_process"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type TestContext, test } from "node:test"
import { startTestServer, type TestServer } from "../harness.ts"

const deployments = "/apis/apps/v1/namespaces/default/deployments"
const applyType = { "Content-Type": "application/apply-patch+yaml" }

interface Entry {
  manager: string
  operation: string
  apiVersion: string
  time: string
  fieldsType: string
  fieldsV1: Record<string, unknown>
  subresource?: string
}

const deployment = (spec: Record<string, unknown> = {}): Record<string, unknown> => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "web", labels: { app: "web" } },
  spec: {
    replicas: 2,
    selector: { matchLabels: { app: "web" } },
    template: {
      metadata: { labels: { app: "web" } },
      spec: { containers: [{ name: "nginx", image: "nginx:1", ports: [{ containerPort: 80 }] }] },
    },
    ...spec,
  },
})

async function start(t: TestContext): Promise<TestServer> {
  const server = await startTestServer(t, { listen: true, config: { anonymous: true } })
  await server.http("POST", "/api/v1/namespaces", { body: { metadata: { name: "default" } } })
  return server
}

const apply = (server: TestServer, config: unknown, query: string, path = `${deployments}/web`) =>
  server.http("PATCH", `${path}?${query}`, { body: config, headers: applyType })

const managers = (object: { metadata: { managedFields?: Entry[] } }): string[] =>
  (object.metadata.managedFields ?? []).map(
    ({ manager, operation, subresource }) => `${manager} ${operation}${subresource ? ` ${subresource}` : ""}`,
  )

const entryOf = (object: { metadata: { managedFields?: Entry[] } }, manager: string): Entry => {
  const found = (object.metadata.managedFields ?? []).find((entry) => entry.manager === manager)
  assert.ok(found, `no manager ${manager}`)
  return found
}

test("a creation is recorded field by field, defaults included", async (t) => {
  const server = await start(t)
  const answer = await server.http("POST", deployments, {
    body: deployment(),
    headers: { "User-Agent": "kubectl-create/1.36 (linux)" },
  })
  assert.equal(answer.status, 201, answer.text)
  const entry = entryOf(answer.json, "kubectl-create")
  assert.equal(entry.operation, "Update")
  assert.equal(entry.apiVersion, "apps/v1")
  assert.equal(entry.fieldsType, "FieldsV1")
  assert.equal(
    JSON.stringify(entry.fieldsV1),
    JSON.stringify({
      "f:metadata": { "f:labels": { ".": {}, "f:app": {} } },
      "f:spec": {
        "f:progressDeadlineSeconds": {},
        "f:replicas": {},
        "f:revisionHistoryLimit": {},
        "f:selector": {},
        "f:strategy": { "f:rollingUpdate": { ".": {}, "f:maxSurge": {}, "f:maxUnavailable": {} }, "f:type": {} },
        "f:template": {
          "f:metadata": { "f:labels": { ".": {}, "f:app": {} } },
          "f:spec": {
            "f:containers": {
              'k:{"name":"nginx"}': {
                ".": {},
                "f:image": {},
                "f:imagePullPolicy": {},
                "f:name": {},
                "f:ports": {
                  ".": {},
                  'k:{"containerPort":80,"protocol":"TCP"}': { ".": {}, "f:containerPort": {}, "f:protocol": {} },
                },
                "f:resources": {},
                "f:terminationMessagePath": {},
                "f:terminationMessagePolicy": {},
              },
            },
            "f:dnsPolicy": {},
            "f:restartPolicy": {},
            "f:schedulerName": {},
            "f:securityContext": {},
            "f:terminationGracePeriodSeconds": {},
          },
        },
      },
    }),
  )
})

test("applying makes what is missing, and again changes nothing", async (t) => {
  const server = await start(t)
  const made = await apply(server, deployment(), "fieldManager=me")
  assert.equal(made.status, 201, made.text)
  assert.deepEqual(managers(made.json), ["me Apply"])
  assert.equal(made.json.spec.template.spec.dnsPolicy, "ClusterFirst")
  assert.deepEqual(entryOf(made.json, "me").fieldsV1["f:spec"], {
    "f:replicas": {},
    "f:selector": {},
    "f:template": {
      "f:metadata": { "f:labels": { "f:app": {} } },
      "f:spec": {
        "f:containers": {
          'k:{"name":"nginx"}': {
            ".": {},
            "f:image": {},
            "f:name": {},
            "f:ports": { 'k:{"containerPort":80,"protocol":"TCP"}': { ".": {}, "f:containerPort": {} } },
          },
        },
      },
    },
  })
  const again = await apply(server, deployment(), "fieldManager=me")
  assert.equal(again.status, 200, again.text)
  assert.equal(again.json.metadata.resourceVersion, made.json.metadata.resourceVersion)
})

test("conflicts, force, and the removal of what is said no more", async (t) => {
  const server = await start(t)
  await server.http("POST", `${deployments}?fieldManager=kubectl-client-side-apply`, { body: deployment() })
  const conflict = await apply(server, deployment({ replicas: 5 }), "fieldManager=me")
  assert.equal(conflict.status, 409)
  assert.deepEqual(conflict.json, {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message: 'Apply failed with 1 conflict: conflict with "kubectl-client-side-apply" using apps/v1: .spec.replicas',
    reason: "Conflict",
    details: {
      causes: [
        {
          reason: "FieldManagerConflict",
          message: 'conflict with "kubectl-client-side-apply" using apps/v1',
          field: ".spec.replicas",
        },
      ],
    },
    code: 409,
  })
  const forced = await apply(server, deployment({ replicas: 5, paused: true }), "fieldManager=me&force=true")
  assert.equal(forced.json.spec.replicas, 5, forced.text)
  assert.equal(forced.json.spec.paused, true)
  const fields = entryOf(forced.json, "kubectl-client-side-apply").fieldsV1["f:spec"] as Record<string, unknown>
  assert.equal(fields["f:replicas"], undefined)
  const less = await apply(server, deployment({ replicas: 5 }), "fieldManager=me")
  assert.equal(less.json.spec.paused, undefined)
  assert.equal(less.json.metadata.generation, forced.json.metadata.generation + 1)
})

test("what an apply request must be", async (t) => {
  const server = await start(t)
  const bare = await apply(server, deployment(), "")
  assert.equal(bare.status, 422)
  assert.equal(
    bare.json.message,
    'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
  )
  const forced = await server.http("PATCH", `${deployments}/web?force=true`, {
    body: {},
    headers: { "Content-Type": "application/merge-patch+json" },
  })
  assert.equal(
    forced.json.message,
    'PatchOptions.meta.k8s.io "" is invalid: force: Forbidden: may not be specified for non-apply patch',
  )
  const cbor = await server.http("PATCH", `${deployments}/web?fieldManager=me`, {
    body: "x",
    headers: { "Content-Type": "application/apply-patch+cbor" },
  })
  assert.equal(cbor.status, 415)
  const other = await apply(server, deployment(), "fieldManager=me", `${deployments}/other`)
  assert.equal(other.status, 400)
  assert.equal(other.json.message, "the name of the object (web) does not match the name on the URL (other)")
  const unknown = await apply(server, deployment({ replica: 1 }), "fieldManager=me")
  assert.equal(unknown.status, 500)
  assert.equal(
    unknown.json.message,
    "failed to create typed patch object (/web; apps/v1, Kind=Deployment): .spec.replica: field not declared in schema",
  )
  const dry = await apply(server, deployment(), "fieldManager=me&dryRun=All")
  assert.equal(dry.status, 201, dry.text)
  assert.equal((await server.http("GET", `${deployments}/web`)).status, 404)
  const status = await apply(server, deployment(), "fieldManager=me", `${deployments}/web/status`)
  assert.equal(status.status, 404)
})

test("status and scale have managers of their own", async (t) => {
  const server = await start(t)
  await apply(server, deployment(), "fieldManager=me")
  const status = await apply(
    server,
    { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "web" }, status: { replicas: 1 } },
    "fieldManager=controller",
    `${deployments}/web/status`,
  )
  assert.equal(status.status, 200, status.text)
  assert.equal(status.json.status.replicas, 1)
  assert.deepEqual(managers(status.json).sort(), ["controller Apply status", "me Apply"])
  const scaled = await server.http("PATCH", `${deployments}/web/scale?fieldManager=hpa`, {
    body: { spec: { replicas: 7 } },
    headers: { "Content-Type": "application/merge-patch+json" },
  })
  assert.equal(scaled.status, 200, scaled.text)
  const after = await server.http("GET", `${deployments}/web`)
  assert.equal(after.json.spec.replicas, 7)
  const hpa = entryOf(after.json, "hpa")
  assert.deepEqual(
    [hpa.operation, hpa.apiVersion, hpa.subresource, hpa.fieldsV1],
    ["Update", "apps/v1", "scale", { "f:spec": { "f:replicas": {} } }],
  )
  const conflict = await apply(server, deployment(), "fieldManager=me")
  assert.equal(
    conflict.json.message,
    'Apply failed with 1 conflict: conflict with "hpa" with subresource "scale" using apps/v1: .spec.replicas',
  )
  const scale = { apiVersion: "autoscaling/v1", kind: "Scale", metadata: { name: "web" }, spec: { replicas: 3 } }
  const refused = await apply(server, scale, "fieldManager=you", `${deployments}/web/scale`)
  assert.equal(refused.status, 409, refused.text)
  const taken = await apply(server, scale, "fieldManager=you&force=true", `${deployments}/web/scale`)
  assert.equal(taken.status, 200, taken.text)
  const last = await server.http("GET", `${deployments}/web`)
  assert.equal(last.json.spec.replicas, 3)
  assert.ok(managers(last.json).includes("you Apply scale"))
})

test("components in the process are recorded too, and managers can be reset", async (t) => {
  const server = await start(t)
  await apply(server, deployment(), "fieldManager=me")
  const scheduler = server.clientAs({ name: "system:kube-scheduler", groups: ["system:masters"] })
  const target = { group: "apps", version: "v1", resource: "deployments", kind: "Deployment", namespaced: true }
  const patched = await scheduler
    .resource(target)
    .patch("web", "merge", { metadata: { labels: { by: "scheduler" } } }, { namespace: "default" })
  assert.ok(managers(patched as never).includes("kube-scheduler Update"))
  const reset = await server.http("PATCH", `${deployments}/web`, {
    body: { metadata: { managedFields: [{}] } },
    headers: { "Content-Type": "application/merge-patch+json" },
  })
  assert.equal(reset.status, 200, reset.text)
  assert.equal(reset.json.metadata.managedFields, undefined)
})

async function kubectl(server: TestServer, folder: string, args: string[], input?: string): Promise<string> {
  const kubeconfig = join(folder, "kubeconfig")
  const cluster = { server: server.url, "certificate-authority-data": Buffer.from(server.pki.ca).toString("base64") }
  await writeFile(
    kubeconfig,
    JSON.stringify({
      apiVersion: "v1",
      kind: "Config",
      "current-context": "it",
      clusters: [{ name: "it", cluster }],
      users: [{ name: "it", user: { token: "any" } }],
      contexts: [{ name: "it", context: { cluster: "it", user: "it" } }],
    }),
  )
  const child = spawn("kubectl", ["--kubeconfig", kubeconfig, "--cache-dir", join(folder, "cache"), ...args], {
    stdio: ["pipe", "pipe", "pipe"],
  })
  child.stdin.end(input ?? "")
  let text = ""
  child.stdout.on("data", (chunk: Buffer) => {
    text += chunk.toString()
  })
  child.stderr.on("data", (chunk: Buffer) => {
    text += chunk.toString()
  })
  return new Promise((resolve, reject) => {
    child.on("error", reject)
    child.on("close", () => resolve(text))
  })
}

test("kubectl applies on the server's side, and takes over what it applied on its own", async (t) => {
  const server = await start(t)
  const folder = await mkdtemp(join(tmpdir(), "ladya-ssa-"))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const run = (args: string[], object?: unknown): Promise<string> =>
    kubectl(server, folder, args, object === undefined ? undefined : JSON.stringify(object))

  assert.equal(
    await run(["apply", "--server-side", "-f", "-"], deployment()),
    "deployment.apps/web serverside-applied\n",
  )
  const shown = await run(["get", "deployment", "web", "--show-managed-fields", "-o", "yaml"])
  assert.match(shown, /managedFields:/)
  assert.match(shown, /manager: kubectl\n/)
  assert.match(shown, /k:\{"name":"nginx"\}:/)
  assert.doesNotMatch(await run(["get", "deployment", "web", "-o", "yaml"]), /managedFields/)
  const other = await run(["apply", "--server-side", "--field-manager=other", "-f", "-"], deployment({ replicas: 4 }))
  assert.match(other, /Apply failed with 1 conflict: conflict with "kubectl": \.spec\.replicas/)
  assert.equal(
    await run(
      ["apply", "--server-side", "--field-manager=other", "--force-conflicts", "-f", "-"],
      deployment({ replicas: 4 }),
    ),
    "deployment.apps/web serverside-applied\n",
  )

  const second = { ...deployment({ paused: true }), metadata: { name: "second" } }
  assert.equal(await run(["apply", "-f", "-"], second), "deployment.apps/second created\n")
  const plain = await server.http("GET", `${deployments}/second`)
  assert.deepEqual(managers(plain.json), ["kubectl-client-side-apply Update"])
  const upgraded = { ...deployment({ replicas: 9 }), metadata: { name: "second" } }
  assert.equal(
    await run(["apply", "--server-side", "-f", "-"], upgraded),
    "deployment.apps/second serverside-applied\n",
  )
  const after = await server.http("GET", `${deployments}/second`)
  assert.equal(after.json.spec.replicas, 9)
  assert.equal(after.json.spec.paused, undefined)
  assert.ok(managers(after.json).includes("kubectl Apply"))
  assert.ok(!managers(after.json).includes("kubectl-client-side-apply Update"))
})
