import assert from "node:assert/strict"
import { test } from "node:test"
import type { corev1 } from "@ladya/api"
import { parseProxyName } from "./http-proxy.ts"
import { chooseContainer } from "./pod-streams.ts"

const pod = (...containers: string[]): corev1.Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "web", namespace: "default" },
  spec: {
    containers: containers.map((name) => ({ name, image: "busybox" })),
    initContainers: [{ name: "init", image: "busybox" }],
  },
})

test("the only container is the default", () => {
  assert.equal(chooseContainer(pod("a"), null), "a")
  assert.equal(chooseContainer(pod("a", "b"), "init"), "init")
})

test("several containers must be chosen from", () => {
  assert.throws(() => chooseContainer(pod("a", "b"), null), {
    message:
      "a container name must be specified for pod web, choose one of: [a b] or one of the init containers: [init]",
  })
  assert.throws(() => chooseContainer(pod("a"), "x"), { message: "container x is not valid for pod web" })
})

for (const [text, expected] of [
  ["web", { scheme: "http", name: "web", port: "" }],
  ["web:http", { scheme: "http", name: "web", port: "http" }],
  ["https:web:443", { scheme: "https", name: "web", port: "443" }],
] as const) {
  test(`proxy name ${text}`, () => assert.deepEqual(parseProxyName(text), expected))
}

test("a proxy name of another form is refused", () => {
  assert.throws(() => parseProxyName("ftp:web:21"), /invalid proxy name/)
})
