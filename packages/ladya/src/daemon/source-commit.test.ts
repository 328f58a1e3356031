import assert from "node:assert/strict"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { test } from "node:test"
import { sourceCommit } from "./source-commit.ts"

const commit = "0123456789abcdef0123456789abcdef01234567"

for (const { name, files, expected } of [
  {
    name: "a branch",
    files: { ".git/HEAD": "ref: refs/heads/main\n", ".git/refs/heads/main": `${commit}\n` },
    expected: commit,
  },
  {
    name: "a packed branch",
    files: { ".git/HEAD": "ref: refs/heads/main\n", ".git/packed-refs": `# pack-refs\n${commit} refs/heads/main\n` },
    expected: commit,
  },
  { name: "a detached head", files: { ".git/HEAD": `${commit}\n` }, expected: commit },
  {
    name: "a worktree",
    files: {
      ".git": "gitdir: clone/worktrees/x\n",
      "clone/worktrees/x/HEAD": "ref: refs/heads/x\n",
      "clone/worktrees/x/commondir": "../..\n",
      "clone/refs/heads/x": `${commit}\n`,
    },
    expected: commit,
  },
  { name: "no clone", files: {}, expected: "" },
] as { name: string; files: Record<string, string>; expected: string }[]) {
  test(`the commit of ${name}`, (t) => {
    const root = mkdtempSync(join(tmpdir(), "ladya-commit-"))
    t.after(() => rmSync(root, { recursive: true, force: true }))
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(join(root, path, ".."), { recursive: true })
      writeFileSync(join(root, path), text)
    }
    assert.equal(sourceCommit(root), expected)
  })
}
