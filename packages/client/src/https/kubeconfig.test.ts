import assert from "node:assert/strict"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { test } from "node:test"
import { loadKubeconfig } from "./kubeconfig.ts"

const config = (user: string): string => `
apiVersion: v1
kind: Config
current-context: main
contexts:
- {name: main, context: {cluster: c, user: u, namespace: apps}}
- {name: broken, context: {cluster: none, user: u}}
clusters:
- name: c
  cluster: {server: "https://127.0.0.1:6443", certificate-authority: ca.crt}
users:
- name: u
  user: ${user}
`

test("files are read from beside the kubeconfig, embedded data is decoded", (context) => {
  const directory = mkdtempSync(join(tmpdir(), "kubeconfig-"))
  context.after(() => rmSync(directory, { recursive: true }))
  writeFileSync(join(directory, "ca.crt"), "the ca")
  writeFileSync(join(directory, "token"), "one\n")
  const path = join(directory, "config")
  const encoded = Buffer.from("the certificate").toString("base64")
  writeFileSync(path, config(`{client-certificate-data: ${encoded}, client-key-data: ${encoded}, tokenFile: token}`))
  const access = loadKubeconfig(path)
  assert.equal(access.server, "https://127.0.0.1:6443")
  assert.equal(access.namespace, "apps")
  assert.equal(String(access.ca), "the ca")
  assert.equal(String(access.cert), "the certificate")
  const { token } = access
  assert.ok(typeof token === "function")
  assert.equal(token(), "one")
  writeFileSync(join(directory, "token"), "two")
  assert.equal(token(), "two")
  assert.throws(() => loadKubeconfig(path, { context: "broken" }), /cluster "none" is not there/)
  assert.throws(() => loadKubeconfig(path, { context: "other" }), /context "other" is not there/)
})

test("what is not supported is said", () => {
  assert.throws(
    () => loadKubeconfig(config("{exec: {command: x}}").replace(", certificate-authority: ca.crt", "")),
    /uses exec/,
  )
  assert.throws(() => loadKubeconfig("apiVersion: v1\nkind: Config\n"), /current-context is not set/)
})
