import assert from "node:assert/strict"
import { chmod, mkdir, readFile, rename, stat, symlink, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { type TestContext, test } from "node:test"
import { mountsAtOrBelow } from "./mounts.ts"
import { prepareSubPath } from "./sub-path.ts"
import { temporaryDirectory } from "./testing/contract.ts"

async function prepare(context: TestContext) {
  const root = await temporaryDirectory(context)
  const volume = join(root, "volume")
  const outside = join(root, "outside")
  await mkdir(join(volume, "a"), { recursive: true })
  await mkdir(outside)
  await writeFile(join(outside, "secret"), "host's")
  await writeFile(join(volume, "a", "file"), "inside")
  return { root, volume, outside, target: join(root, "target") }
}

test("a directory and a file of the volume can be had", async (context) => {
  const { volume, target } = await prepare(context)
  await prepareSubPath(volume, "a", target)
  assert.equal(await readFile(join(target, "file"), "utf8"), "inside")
  await prepareSubPath(volume, "a/file", `${target}-file`)
  assert.equal(await readFile(`${target}-file`, "utf8"), "inside")
})

test("what is missing is made, with the volume's mode", async (context) => {
  const { volume, target } = await prepare(context)
  await chmod(volume, 0o2777)
  await prepareSubPath(volume, "new/deep", target)
  for (const path of ["new", "new/deep"]) assert.equal((await stat(join(volume, path))).mode & 0o7777, 0o2777)
  assert.equal((await stat(join(volume, "new/deep"))).isDirectory(), true)
  await writeFile(join(target, "x"), "y")
  assert.equal(await readFile(join(volume, "new/deep/x"), "utf8"), "y")
})

test("again, nothing is mounted twice", async (context) => {
  const { root, volume, target } = await prepare(context)
  await prepareSubPath(volume, "a", target)
  await prepareSubPath(volume, "a", target)
  assert.equal((await mountsAtOrBelow(root)).length, 1)
})

test("a path that stands for something else now is mounted afresh", async (context) => {
  const { root, volume, target } = await prepare(context)
  await prepareSubPath(volume, "a", target)
  await rename(join(volume, "a"), join(volume, "b"))
  await writeFile(join(volume, "a"), "a file now")
  await prepareSubPath(volume, "a", target)
  assert.equal(await readFile(target, "utf8"), "a file now")
  assert.equal((await mountsAtOrBelow(root)).length, 1)
})

test("a link that stays inside is followed", async (context) => {
  const { volume, target } = await prepare(context)
  await symlink("a", join(volume, "link"))
  await prepareSubPath(volume, "link", target)
  assert.equal(await readFile(join(target, "file"), "utf8"), "inside")
})

const escapes: { name: string; link?: string; to?: (outside: string) => string; subPath: string }[] = [
  { name: "an absolute link out of the volume", link: "link", to: (outside) => outside, subPath: "link" },
  { name: "a relative link out of the volume", link: "link", to: () => "../outside", subPath: "link" },
  { name: "a link in the middle", link: "a/link", to: (outside) => outside, subPath: "a/link/secret" },
  { name: "a directory to be made behind a link", link: "link", to: (outside) => outside, subPath: "link/new" },
  { name: "dots", subPath: "a/../../outside" },
  { name: "an absolute path", subPath: "/etc" },
]

for (const { name, link, to, subPath } of escapes) {
  test(`${name} is refused`, async (context) => {
    const { root, volume, outside, target } = await prepare(context)
    if (link && to) await symlink(to(outside), join(volume, link))
    await assert.rejects(prepareSubPath(volume, subPath, target), /subpath|subPath/)
    assert.deepEqual(await mountsAtOrBelow(root), [])
    await assert.rejects(stat(join(outside, "new")), { code: "ENOENT" })
  })
}
