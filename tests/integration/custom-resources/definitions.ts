import assert from "node:assert/strict"
import type { TestContext } from "node:test"
import { systemClock, waitFor } from "@ladya/util"
import { startTestServer, type TestServer } from "../harness.ts"

export const definitionsPath = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"

export const eventually = (condition: () => Promise<boolean>, description = "the definition to take effect") =>
  waitFor(systemClock, condition, { description, timeoutMs: 60_000, intervalMs: 10 })

// biome-ignore lint/suspicious/noExplicitAny: definitions of every shape are made, changed and tried.
export type Json = any

/** A definition of `Tab`s in example.com, of one version `v1` with this schema. */
export function definitionOf(schema: object, more: object = {}): Json {
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: "tabs.example.com" },
    spec: {
      group: "example.com",
      scope: "Namespaced",
      names: { plural: "tabs", kind: "Tab" },
      versions: [versionOf("v1", schema, { storage: true, ...more })],
    },
  }
}

export const versionOf = (name: string, schema: object, more: object = {}): Json => ({
  name,
  served: true,
  storage: false,
  schema: { openAPIV3Schema: { type: "object", ...schema } },
  ...more,
})

export const tabs = (version = "v1", name = ""): string =>
  `/apis/example.com/${version}/namespaces/default/tabs${name ? `/${name}` : ""}`

export const tab = (name: string, fields: object, version = "v1"): Json => ({
  apiVersion: `example.com/${version}`,
  kind: "Tab",
  metadata: { name },
  ...fields,
})

/** A server that serves the definition. */
export async function serve(t: TestContext, definition: Json): Promise<TestServer> {
  const server = await startTestServer(t, { listen: true })
  await define(server, definition)
  return server
}

export async function define({ http }: TestServer, definition: Json): Promise<void> {
  const made = await http("POST", definitionsPath, { body: definition })
  assert.equal(made.status, 201, made.text)
  const { group, names, versions } = definition.spec
  const path = `/apis/${group}/${versions.find((one: Json) => one.served).name}/${names.plural}`
  await eventually(async () => (await http("GET", path)).status === 200)
}

/** Changes the definition of `Tab`s by a merge patch, and waits until `isThere`. */
export async function redefine({ http }: TestServer, patch: object, isThere: () => Promise<boolean>): Promise<void> {
  const headers = { "Content-Type": "application/merge-patch+json" }
  const changed = await http("PATCH", `${definitionsPath}/tabs.example.com`, { body: patch, headers })
  assert.equal(changed.status, 200, changed.text)
  await eventually(isThere)
}
