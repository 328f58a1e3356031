import assert from "node:assert/strict"
import { execFileSync } from "node:child_process"
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { after, before, test } from "node:test"
import { runProgram } from "./support/cluster.ts"

const root = join(import.meta.dirname, "../..")
let directory: string
let clone: string

before(() => {
  directory = mkdtempSync(join(tmpdir(), "ladya-e2e-bootstrap-"))
  clone = join(directory, "clone")
  // The working tree as it is, without what set-up has put into it.
  const files = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], { cwd: root })
  mkdirSync(clone)
  execFileSync("tar", ["-C", root, "--null", "-T", "-", "-cf", join(directory, "tree.tar")], { input: files })
  execFileSync("tar", ["-C", clone, "-xf", join(directory, "tree.tar")])
})

after(() => rmSync(directory, { recursive: true, force: true }))

test("the first start sets everything up, a second one nothing; a link to it works from anywhere", async () => {
  const first = await runProgram(join(clone, "ladya"), ["--version"], { timeoutMs: 300_000 })
  assert.equal(first.code, 0, first.stderr)
  assert.match(first.stdout, /^\d+\.\d+\.\d+$/m)
  assert.match(first.stderr, /setting up/)
  const link = join(directory, "link")
  symlinkSync("clone/ladya", link)
  const second = await runProgram(link, ["--version"])
  assert.equal(second.stderr, "")
  assert.equal(second.stdout, first.stdout)
})

test("without a usable Node it says what to install", async () => {
  const fresh = join(directory, "fresh")
  mkdirSync(join(fresh, "tools"), { recursive: true })
  for (const file of ["ladya", "tools/setup.sh", "package-lock.json"]) {
    execFileSync("cp", [join(root, file), join(fresh, file)])
  }
  const bin = join(directory, "bin")
  mkdirSync(bin)
  for (const tool of ["sh", "dirname", "readlink", "cmp"]) {
    symlinkSync(execFileSync("which", [tool], { encoding: "utf8" }).trim(), join(bin, tool))
  }
  const without = await runProgram(join(fresh, "ladya"), ["--version"], { env: { PATH: bin } })
  assert.equal(without.code, 1)
  assert.match(without.stderr, /Node\.js is not installed/)
  writeFileSync(join(bin, "node"), "#!/bin/sh\necho v18.20.0\n")
  chmodSync(join(bin, "node"), 0o755)
  const old = await runProgram(join(fresh, "ladya"), ["--version"], { env: { PATH: bin } })
  assert.equal(old.code, 1)
  assert.match(old.stderr, /v18\.20\.0 is too old[\s\S]*Install Node\.js 20 or newer/)
})
