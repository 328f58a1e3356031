import assert from "node:assert/strict"
import { conformance } from "../support/registry.ts"

conformance("[sig-api-machinery] server version should find the server version [Conformance]", async (t) => {
  const answer = await t.http("GET", "/version")
  assert.equal(answer.status, 200)
  const { major, minor, gitVersion } = answer.json as Record<string, string>
  assert.match(major ?? "", /^[1-9][0-9]*$/)
  assert.match(minor ?? "", /^[0-9]+\+?$/)
  assert.match(gitVersion ?? "", new RegExp(`^v${major}\\.${Number.parseInt(minor ?? "", 10)}\\.`))
})
