import assert from "node:assert/strict"
import { test } from "node:test"
import { parseStoreChoice } from "./store.ts"

test("the store that --store asks for", () => {
  assert.deepEqual(parseStoreChoice("sqlite"), { engine: "sqlite" })
  const plain = { engine: "etcd", endpoints: ["a:2379", "[::1]:2379"], tls: undefined }
  assert.deepEqual(parseStoreChoice("etcd://a:2379,[::1]:2379"), plain)
  assert.deepEqual(parseStoreChoice("http://a:2379,http://[::1]:2379"), plain)
  assert.deepEqual(parseStoreChoice("https://a:2379"), { engine: "etcd", endpoints: ["a:2379"], tls: {} })
  const files = { ca: "/ca", cert: "/cert", key: "/key" }
  assert.deepEqual(parseStoreChoice("etcd://a:2379", files), { engine: "etcd", endpoints: ["a:2379"], tls: files })
})

test("what makes no sense is refused", () => {
  for (const text of ["redis", "etcd://", "etcd://a", "etcd://a:1,", "ftp://a:1"]) {
    assert.throws(() => parseStoreChoice(text), { message: `--store ${text} is no store` })
  }
  assert.throws(() => parseStoreChoice("sqlite", { ca: "/ca" }), /for etcd alone/)
  assert.throws(() => parseStoreChoice("etcd://a:1", { cert: "/cert" }), /belong together/)
  assert.throws(() => parseStoreChoice("http://a:1", { ca: "/ca" }), /without TLS/)
})
