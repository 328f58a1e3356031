import assert from "node:assert/strict"
import { spawn } from "node:child_process"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type TestContext, test } from "node:test"
import type { TestServer } from "../harness.ts"
import { definitionOf, serve } from "./definitions.ts"

interface Run {
  code: number
  output: string
}

type Kubectl = (args: readonly string[], input?: string) => Promise<Run>

/** The machine's kubectl, with a home and a cache of its own. */
async function newKubectl(t: TestContext, server: TestServer): Promise<Kubectl> {
  const home = await mkdtemp(join(tmpdir(), "ladya-crd-"))
  t.after(() => rm(home, { recursive: true, force: true }))
  const client = await server.pki.client("admin", ["system:masters"])
  const base64 = (text: string): string => Buffer.from(text).toString("base64")
  const config = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "c", cluster: { server: server.url, "certificate-authority-data": base64(server.pki.ca) } }],
    users: [
      { name: "u", user: { "client-certificate-data": base64(client.cert), "client-key-data": base64(client.key) } },
    ],
    contexts: [{ name: "x", context: { cluster: "c", user: "u", namespace: "default" } }],
    "current-context": "x",
  }
  const path = join(home, "config")
  await writeFile(path, JSON.stringify(config))
  return (args, input = "") =>
    new Promise((resolve, reject) => {
      const child = spawn("kubectl", [...args], { env: { ...process.env, HOME: home, KUBECONFIG: path } })
      let output = ""
      child.stdout.on("data", (chunk) => (output += chunk))
      child.stderr.on("data", (chunk) => (output += chunk))
      child.on("error", reject)
      child.on("close", (code) => resolve({ code: code ?? 1, output }))
      child.stdin.end(input)
    })
}

const foo = {
  description: "Foo CRD for Testing",
  properties: {
    spec: {
      type: "object",
      description: "Specification of Foo",
      properties: {
        bars: {
          description: "List of Bars and their specs.",
          type: "array",
          items: {
            type: "object",
            required: ["name"],
            properties: {
              name: { description: "Name of Bar.", type: "string" },
              feeling: { type: "string", enum: ["Great", "Down"] },
              bazs: { description: "List of Bazs.", items: { type: "string" }, type: "array" },
            },
          },
        },
      },
    },
  },
}

const bar = (fields: string): string =>
  `{"kind":"Tab","apiVersion":"example.com/v1","metadata":{"name":"foo"},"spec":{"bars":[${fields}]}}`

test("kubectl checks, explains, shows and scales custom resources", async (t) => {
  const more = {
    subresources: { status: {}, scale: { specReplicasPath: ".spec.n", statusReplicasPath: ".status.n" } },
    additionalPrinterColumns: [
      { name: "First", type: "string", jsonPath: ".spec.bars[0].name" },
      { name: "Wide", type: "integer", jsonPath: ".spec.n", priority: 1 },
      { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp" },
    ],
  }
  const definition = definitionOf(structuredClone(foo), more)
  const { properties } = definition.spec.versions[0].schema.openAPIV3Schema
  properties.spec.properties.n = { type: "integer" }
  properties.status = { type: "object", properties: { n: { type: "integer" } } }
  definition.spec.names.shortNames = ["tb"]
  const server = await serve(t, definition)
  const kubectl = await newKubectl(t, server)
  const good = async (args: readonly string[], pattern: RegExp, input?: string): Promise<void> => {
    const { code, output } = await kubectl(args, input)
    assert.equal(code, 0, output)
    assert.match(output, pattern)
  }
  const refused = async (args: readonly string[], pattern: RegExp, input?: string): Promise<void> => {
    const { code, output } = await kubectl(args, input)
    assert.notEqual(code, 0, output)
    assert.match(output, pattern)
  }
  const create = ["create", "-f", "-"]
  await good(create, /tab\.example\.com\/foo created/, bar('{"name":"b","bazs":["x"]}'))
  await good(["apply", "-f", "-"], /configured/, bar('{"name":"c"}'))
  await refused(create, /unknown field "spec\.bars\[0\]\.foo"/, bar('{"name":"b","foo":1}'))
  await refused(create, /spec\.bars\[0\]\.name: Required value/, bar('{"feeling":"Great"}'))
  await refused(create, /spec\.bars\[0\]\.feeling: Unsupported value: "Odd"/, bar('{"name":"b","feeling":"Odd"}'))
  await good(
    ["explain", "tabs"],
    /DESCRIPTION:\s+Foo CRD for Testing\s+FIELDS:.*apiVersion.*<string>.*APIVersion defines.*spec.*<Object>.*Specification of Foo/s,
  )
  await good(["explain", "tabs.metadata"], /Standard object's metadata.*FIELDS:.*creationTimestamp.*<string>/s)
  await good(
    ["explain", "tabs.spec.bars"],
    /bars <\[\]Object>.*List of Bars and their specs.*bazs.*<\[\]string>.*List of Bazs.*name.*<string>.*Name of Bar/s,
  )
  await refused(["explain", "tabs.spec.bars2"], /field "bars2" does not exist/)
  await good(["get", "tb"], /NAME\s+FIRST\s+AGE\s+foo\s+c\s+\d+s/)
  await good(["get", "tabs", "-o", "wide"], /NAME\s+FIRST\s+WIDE\s+AGE/)
  await good(["scale", "tab/foo", "--replicas=3"], /scaled/)
  await good(["get", "tab", "foo", "-o", "jsonpath={.spec.n}"], /^3$/)
  await good(["get", "crd"], /NAME\s+CREATED AT\s+tabs\.example\.com\s+20\d\d-/)
  await good(["api-resources", "--api-group=example.com"], /tabs\s+tb\s+example\.com\/v1\s+true\s+Tab/)
  await good(["delete", "tab", "foo"], /tab\.example\.com "foo" deleted/)
})

test("kubectl lets unknown fields pass where the schema does", async (t) => {
  const preserved = { type: "object", "x-kubernetes-preserve-unknown-fields": true, description: "anything goes" }
  const server = await serve(t, definitionOf({ properties: { spec: preserved } }))
  const kubectl = await newKubectl(t, server)
  const made = await kubectl(["create", "-f", "-"], bar('{"any":{"thing":1}}'))
  assert.equal(made.code, 0, made.output)
  const applied = await kubectl(["apply", "-f", "-"], bar('{"any":{"thing":2}}'))
  assert.equal(applied.code, 0, applied.output)
  assert.match((await kubectl(["explain", "tabs.spec"])).output, /anything goes/)
})
