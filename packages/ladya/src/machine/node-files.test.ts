import assert from "node:assert/strict"
import { test } from "node:test"
import { reachableResolvConf } from "./node-files.ts"

test("name servers on loopback are dropped, the rest is kept", () => {
  const text =
    "# made by a program\nnameserver 127.0.0.53\nnameserver 192.0.2.53\nnameserver ::1\nsearch example.org\n\n"
  assert.equal(reachableResolvConf(text), "nameserver 192.0.2.53\nsearch example.org\n")
})
