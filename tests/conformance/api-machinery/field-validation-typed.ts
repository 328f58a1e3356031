import assert from "node:assert/strict"
import type { ConformanceContext } from "../support/context.ts"
import { conformance } from "../support/registry.ts"

/** A Deployment as text: it may hold what no object can, such as a field twice. */
const deployment = (metadata: string, spec: string): string => `{
  "apiVersion": "apps/v1", "kind": "Deployment",
  "metadata": {"name": "my-dep", ${metadata} "labels": {"app": "web"}},
  "spec": {${spec}
    "selector": {"matchLabels": {"app": "web"}},
    "template": {
      "metadata": {"labels": {"app": "web"}},
      "spec": {"containers": [{"name": "web", "image": "web"}]}
    }
  }
}`

async function expectRefused(t: ConformanceContext, body: string, problem: string): Promise<void> {
  const namespace = await t.namespace()
  const path = `/apis/apps/v1/namespaces/${namespace}/deployments`
  const answer = await t.http("POST", `${path}?fieldManager=tester&fieldValidation=Strict`, { body })
  assert.equal(answer.status, 400, answer.text)
  const message = String(answer.json.message)
  assert.ok(message.includes(`strict decoding error: ${problem}`), message)
  assert.equal((await t.http("GET", `${path}/my-dep`)).status, 404)

  const warned = await t.http("POST", `${path}?fieldValidation=Warn&dryRun=All`, { body })
  assert.equal(warned.status, 201, warned.text)
  for (const part of problem.split(", ")) {
    assert.ok(
      String(warned.headers["warning"]).includes(part.replaceAll('"', '\\"')),
      String(warned.headers["warning"]),
    )
  }
  const ignored = await t.http("POST", `${path}?fieldValidation=Ignore&dryRun=All`, { body })
  assert.equal(ignored.status, 201, ignored.text)
  assert.equal(ignored.headers["warning"], undefined)
}

conformance(
  "[sig-api-machinery] FieldValidation should detect unknown and duplicate fields of a typed object [Conformance]",
  async (t) => {
    const body = deployment("", `"unknownField": "foo", "replicas": 2, "replicas": 3,`)
    await expectRefused(t, body, `unknown field "spec.unknownField", duplicate field "spec.replicas"`)
  },
)

conformance(
  "[sig-api-machinery] FieldValidation should detect unknown metadata fields of a typed object [Conformance]",
  async (t) => {
    await expectRefused(t, deployment(`"unknownMeta": "foo",`, ""), `unknown field "metadata.unknownMeta"`)
  },
)
