import assert from "node:assert/strict"
import { test } from "node:test"
import { fieldErrorText } from "@ladya/apimachinery"
import type { Errors } from "../../../validation/checks.ts"
import { checkSystem } from "./validation-os.ts"

function textsOf(spec: Parameters<typeof checkSystem>[2]): string[] {
  const errors: Errors = []
  checkSystem(errors, "spec", spec)
  return errors.map(fieldErrorText)
}

test("a pod of one system has nothing of the other", () => {
  const both = { windowsOptions: {}, seLinuxOptions: {} }
  const containers = [{ name: "a", securityContext: { ...both, privileged: true } }]
  assert.deepEqual(textsOf({ containers, securityContext: both }), [])
  assert.deepEqual(textsOf({ containers, securityContext: both, os: { name: "linux" } }), [
    "spec.securityContext.windowsOptions: Forbidden: windows options cannot be set for a linux pod",
    "spec.containers[0].securityContext.windowsOptions: Forbidden: windows options cannot be set for a linux pod",
  ])
  assert.deepEqual(textsOf({ containers, securityContext: both, hostPID: true, os: { name: "windows" } }), [
    "spec.securityContext.seLinuxOptions: Forbidden: cannot be set for a windows pod",
    "spec.hostPID: Forbidden: cannot be set for a windows pod",
    "spec.containers[0].securityContext.seLinuxOptions: Forbidden: cannot be set for a windows pod",
    "spec.containers[0].securityContext.privileged: Forbidden: cannot be set for a windows pod",
  ])
})
