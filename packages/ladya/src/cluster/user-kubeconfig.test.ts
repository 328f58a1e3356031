import assert from "node:assert/strict"
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { test } from "node:test"
import { LadyaError } from "../errors.ts"
import { mergeIntoUserKubeconfig, removeFromUserKubeconfig } from "./user-kubeconfig.ts"

const entry = { name: "ladya", server: "https://127.0.0.1:6443", caPem: "CA", certPem: "CERT", keyPem: "KEY" }

test("a kubeconfig that is broken stays as it is, and the person is told which and what to do", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "ladya-kubeconfig-"))
  t.after(() => rmSync(directory, { recursive: true }))
  const path = join(directory, "config")
  writeFileSync(path, "a: [\n")
  const isClear = (error: unknown): boolean =>
    error instanceof LadyaError && error.message.includes(path) && (error.hint ?? "").includes("KUBECONFIG")
  await assert.rejects(mergeIntoUserKubeconfig(path, entry), isClear)
  await assert.rejects(removeFromUserKubeconfig(path, "ladya"), isClear)
  assert.equal(readFileSync(path, "utf8"), "a: [\n")
})

test("a new kubeconfig is its owner's alone", async (t) => {
  const directory = mkdtempSync(join(tmpdir(), "ladya-kubeconfig-"))
  t.after(() => rmSync(directory, { recursive: true }))
  const path = join(directory, "new/config")
  await mergeIntoUserKubeconfig(path, entry)
  assert.equal(statSync(path).mode & 0o777, 0o600)
})
