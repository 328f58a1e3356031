import assert from "node:assert/strict"
import { mkdir, stat, symlink, writeFile } from "node:fs/promises"
import { createServer } from "node:net"
import { join } from "node:path"
import { test } from "node:test"
import { temporaryDirectory } from "../testing/contract.ts"
import { checkHostPath } from "./plugin.ts"

const cases: { name: string; path: string; type: string; error?: (path: string) => string }[] = [
  { name: "no type, nothing there", path: "missing", type: "" },
  { name: "Directory", path: "dir", type: "Directory" },
  { name: "Directory through a link", path: "link", type: "Directory" },
  {
    name: "Directory that is a file",
    path: "file",
    type: "Directory",
    error: (path) => `hostPath type check failed: ${path} is not a directory`,
  },
  {
    name: "Directory that is missing",
    path: "missing",
    type: "Directory",
    error: (path) => `hostPath type check failed: ${path} is not a directory`,
  },
  { name: "DirectoryOrCreate", path: "missing/deep", type: "DirectoryOrCreate" },
  {
    name: "DirectoryOrCreate over a file",
    path: "file",
    type: "DirectoryOrCreate",
    error: (path) => `hostPath type check failed: ${path} is not a directory`,
  },
  { name: "File", path: "file", type: "File" },
  {
    name: "File that is a directory",
    path: "dir",
    type: "File",
    error: (path) => `hostPath type check failed: ${path} is not a file`,
  },
  { name: "FileOrCreate", path: "new", type: "FileOrCreate" },
  { name: "Socket", path: "socket", type: "Socket" },
  {
    name: "Socket that is a file",
    path: "file",
    type: "Socket",
    error: (path) => `hostPath type check failed: ${path} is not a socket file`,
  },
  {
    name: "CharDevice that is a file",
    path: "file",
    type: "CharDevice",
    error: (path) => `hostPath type check failed: ${path} is not a character device`,
  },
  {
    name: "BlockDevice that is missing",
    path: "missing",
    type: "BlockDevice",
    error: (path) => `hostPath type check failed: ${path} is not a block device`,
  },
  { name: "no such type", path: "file", type: "Pipe", error: () => "Pipe is an invalid volume type" },
]

for (const { name, path, type, error } of cases) {
  test(name, async (context) => {
    const root = await temporaryDirectory(context)
    await mkdir(join(root, "dir"))
    await writeFile(join(root, "file"), "")
    await symlink("dir", join(root, "link"))
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(join(root, "socket"), resolve))
    context.after(() => server.close())
    const full = join(root, path)
    if (error) return assert.rejects(checkHostPath(full, type), { message: error(full) })
    await checkHostPath(full, type)
    if (type === "DirectoryOrCreate") assert.equal((await stat(full)).mode & 0o777, 0o755)
    if (type === "FileOrCreate") assert.equal((await stat(full)).mode & 0o777, 0o644)
    return undefined
  })
}

test("CharDevice", () => checkHostPath("/dev/null", "CharDevice"))
