import assert from "node:assert/strict"
import { test } from "node:test"
import { fullImageName } from "./names.ts"

const digest = `sha256:${"a".repeat(64)}`
const good: { name: string; full: string }[] = [
  { name: "busybox", full: "docker.io/library/busybox:latest" },
  { name: "busybox:1.35", full: "docker.io/library/busybox:1.35" },
  { name: "shop/web", full: "docker.io/shop/web:latest" },
  { name: "docker.io/busybox", full: "docker.io/library/busybox:latest" },
  { name: "index.docker.io/library/busybox", full: "docker.io/library/busybox:latest" },
  { name: "localhost/a", full: "localhost/a:latest" },
  { name: "registry.local:5000/a/b:v1", full: "registry.local:5000/a/b:v1" },
  { name: `busybox@${digest}`, full: `docker.io/library/busybox@${digest}` },
]

for (const { name, full } of good) {
  test(`${name} means ${full}`, () => assert.equal(fullImageName(name), full))
}

for (const name of ["", "Busybox", "a b", "a:", "a@sha256:12", "-a", "a//b", "a:b c"]) {
  test(`${JSON.stringify(name)} is not an image name`, () => {
    assert.throws(() => fullImageName(name), /is not an image name/)
  })
}
