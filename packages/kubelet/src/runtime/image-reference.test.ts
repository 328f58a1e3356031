import assert from "node:assert/strict"
import { test } from "node:test"
import { normalizedImage, parseImageReference } from "./image-reference.ts"

const digest = `sha256:${"ab".repeat(32)}`
const good: [string, string][] = [
  ["busybox", "docker.io/library/busybox:latest"],
  ["busybox:1.36", "docker.io/library/busybox:1.36"],
  ["me/app", "docker.io/me/app:latest"],
  ["registry.local/pause:3.6", "registry.local/pause:3.6"],
  ["localhost/app", "localhost/app:latest"],
  ["localhost:5000/app", "localhost:5000/app:latest"],
  ["10.0.0.1:5000/team/app:v1", "10.0.0.1:5000/team/app:v1"],
  [`busybox@${digest}`, `docker.io/library/busybox@${digest}`],
  [`busybox:1@${digest}`, `docker.io/library/busybox:1@${digest}`],
  ["a/b__c/d-e.f", "docker.io/a/b__c/d-e.f:latest"],
]
for (const [name, expected] of good) {
  test(`image name ${name}`, () => assert.equal(normalizedImage(name), expected))
}

const bad: [string, RegExp][] = [
  ["", /invalid reference format$/],
  ["Foo", /invalid reference format: repository name \(library\/Foo\) must be lowercase$/],
  ["foo bar", /invalid reference format$/],
  ["foo:", /invalid reference format$/],
  ["foo:a b", /invalid reference format$/],
  ["foo@sha256:12", /invalid reference format$/],
  ["ab".repeat(32), /cannot specify 64-byte hexadecimal strings$/],
  ["foo//bar", /invalid reference format$/],
  ["https://example.com/x", /invalid reference format$/],
]
for (const [name, message] of bad) {
  test(`image name ${JSON.stringify(name)} is refused`, () =>
    assert.throws(() => parseImageReference(name), { message }))
}
