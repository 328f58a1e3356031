import assert from "node:assert/strict"
import { test } from "node:test"
import { parse } from "yaml"
import { contextName, isEmptyKubeconfig, mergeEntry, newKubeconfigText, removeEntry } from "./kubeconfig.ts"

const entry = { name: "ladya", server: "https://127.0.0.1:6443", caPem: "CA", certPem: "CERT", keyPem: "KEY" }
const foreign = `apiVersion: v1
kind: Config
# mine, by hand
clusters:
- name: work
  cluster: {server: "https://work.example"}
users:
- name: me
  user: {token: secret}
contexts:
- name: work
  context: {cluster: work, user: me}
current-context: work
preferences: {colors: true}
`

test("a new kubeconfig embeds everything", () => {
  assert.deepEqual(parse(newKubeconfigText(entry)), {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "ladya", cluster: { server: entry.server, "certificate-authority-data": btoa("CA") } }],
    users: [{ name: "ladya", user: { "client-certificate-data": btoa("CERT"), "client-key-data": btoa("KEY") } }],
    contexts: [{ name: "ladya", context: { cluster: "ladya", user: "ladya" } }],
    "current-context": "ladya",
  })
})

test("merging and removing again leaves what others wrote, comments too", () => {
  const merged = mergeEntry(foreign, entry)
  assert.equal(parse(merged)["current-context"], "ladya")
  assert.equal(parse(merged).clusters.length, 2)
  assert.match(merged, /# mine, by hand/)
  const removed = parse(removeEntry(merged, "ladya"))
  assert.deepEqual(removed, { ...parse(foreign), "current-context": "" })
  assert.equal(isEmptyKubeconfig(merged), false)
  assert.equal(isEmptyKubeconfig(removeEntry(newKubeconfigText(entry), "ladya")), true)
})

test("merging twice replaces, and an empty list of kubectl's is filled", () => {
  const once = mergeEntry("apiVersion: v1\nkind: Config\nclusters: []\ncontexts: null\nusers: []\n", entry)
  const twice = parse(mergeEntry(once, { ...entry, server: "https://127.0.0.1:7443" }))
  assert.equal(twice.clusters.length, 1)
  assert.equal(twice.clusters[0].cluster.server, "https://127.0.0.1:7443")
})

test("removing leaves another current context alone", () => {
  const merged = mergeEntry(foreign, entry).replace("current-context: ladya", "current-context: work")
  assert.equal(parse(removeEntry(merged, "ladya"))["current-context"], "work")
})

test("the default cluster's context is called ladya, another's after its name", () => {
  assert.equal(contextName("ladya"), "ladya")
  assert.equal(contextName("two"), "ladya-two")
})
