import assert from "node:assert/strict"
import { lstat, readFile, stat, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { test } from "node:test"
import { FakeClock } from "@ladya/util"
import { newConfigMapPlugin } from "./config-map/plugin.ts"
import { newEmptyDirPlugin } from "./empty-dir/plugin.ts"
import { readMounts } from "./mounts.ts"
import { newProjectedPlugin } from "./projected/plugin.ts"
import { newSecretPlugin } from "./secret/plugin.ts"
import { podWith, temporaryDirectory } from "./testing/contract.ts"
import { configMap, newMemoryObjects, secret } from "./testing/objects.ts"

const clock = new FakeClock()
const signal = AbortSignal.timeout(60_000)
const objects = newMemoryObjects([configMap("settings", { a: "1", b: "2" }), secret("login", { user: "ann" })])
const mode = async (path: string): Promise<string> => ((await stat(path)).mode & 0o7777).toString(8)
const fsTypeOf = async (path: string): Promise<string | undefined> =>
  (await readMounts()).findLast((mount) => mount.path === path)?.fsType

test("emptyDir: world-writable, with fsGroup owned by the group and inherited", async (context) => {
  const directory = join(await temporaryDirectory(context), "v")
  const plugin = newEmptyDirPlugin({ allocatableMemoryBytes: () => 0 })
  await plugin.setUp({ pod: podWith([]), volumeName: "v", spec: {}, directory }, signal)
  assert.equal(await mode(directory), "777")
  const pod = podWith([], { securityContext: { fsGroup: 2000 } })
  await plugin.setUp({ pod, volumeName: "v", spec: {}, directory }, signal)
  assert.equal(await mode(directory), "2777")
  assert.equal((await stat(directory)).gid, 2000)
})

test("emptyDir in memory: a tmpfs as large as sizeLimit, a full one says so", async (context) => {
  const directory = join(await temporaryDirectory(context), "v")
  const plugin = newEmptyDirPlugin({ allocatableMemoryBytes: () => 1 << 30 })
  const spec = { medium: "Memory", sizeLimit: "64Ki" }
  await plugin.setUp({ pod: podWith([]), volumeName: "v", spec, directory }, signal)
  assert.equal(await fsTypeOf(directory), "tmpfs")
  assert.equal(await mode(directory), "1777")
  await assert.rejects(writeFile(join(directory, "big"), Buffer.alloc(128 << 10)), { code: "ENOSPC" })
})

test("configMap: defaultMode, a mode of its own, paths", async (context) => {
  const directory = join(await temporaryDirectory(context), "v")
  const plugin = newConfigMapPlugin({ objects, clock })
  const spec = {
    name: "settings",
    defaultMode: 0o440,
    items: [
      { key: "a", path: "x/y" },
      { key: "b", path: "z", mode: 0o711 },
    ],
  }
  await plugin.setUp({ pod: podWith([]), volumeName: "v", spec, directory }, signal)
  assert.equal(await mode(join(directory, "x/y")), "440")
  assert.equal(await mode(join(directory, "z")), "711")
  assert.equal(await fsTypeOf(directory), undefined)
})

test("secret: in memory, readable by its fsGroup", async (context) => {
  const directory = join(await temporaryDirectory(context), "v")
  const plugin = newSecretPlugin({ objects, clock })
  const pod = podWith([], { securityContext: { fsGroup: 1234 } })
  const spec = { secretName: "login", defaultMode: 0o400 }
  await plugin.setUp({ pod, volumeName: "v", spec, directory }, signal)
  assert.equal(await fsTypeOf(directory), "tmpfs")
  assert.equal(await mode(join(directory, "user")), "440")
  assert.equal((await stat(join(directory, "user"))).gid, 1234)
  const link = (await lstat(join(directory, "..data"))).mtimeMs
  await plugin.setUp({ pod, volumeName: "v", spec, directory }, signal)
  assert.equal((await lstat(join(directory, "..data"))).mtimeMs, link, "nothing changed: nothing is written")
})

test("projected token: for the one user of the pod alone", async (context) => {
  const directory = join(await temporaryDirectory(context), "v")
  const tokens = { get: async () => ({ token: "t", refreshAt: 0 }) }
  const plugin = newProjectedPlugin({ objects, tokens, clock, allocatable: () => ({}) })
  const pod = podWith([], { securityContext: { runAsUser: 1000 } })
  const spec = { defaultMode: 0o644, sources: [{ serviceAccountToken: { path: "token" } }] }
  await plugin.setUp({ pod, volumeName: "v", spec, directory }, signal)
  assert.equal(await mode(join(directory, "token")), "600")
  assert.equal((await stat(join(directory, "token"))).uid, 1000)
})

const missing: { name: string; run: (directory: string) => Promise<unknown>; message: string }[] = [
  {
    name: "a ConfigMap that is not there",
    run: (directory) =>
      newConfigMapPlugin({ objects, clock }).setUp(
        { pod: podWith([]), volumeName: "v", spec: { name: "no" }, directory },
        signal,
      ),
    message: 'configmap "no" not found',
  },
  {
    name: "a key that is not there",
    run: (directory) =>
      newConfigMapPlugin({ objects, clock }).setUp(
        {
          pod: podWith([]),
          volumeName: "v",
          spec: { name: "settings", items: [{ key: "no", path: "p" }] },
          directory,
        },
        signal,
      ),
    message: "configmap references non-existent config key: no",
  },
  {
    name: "a Secret's key that is not there",
    run: (directory) =>
      newSecretPlugin({ objects, clock }).setUp(
        {
          pod: podWith([]),
          volumeName: "v",
          spec: { secretName: "login", items: [{ key: "no", path: "p" }] },
          directory,
        },
        signal,
      ),
    message: "references non-existent secret key: no",
  },
]

for (const { name, run, message } of missing) {
  test(`${name} is an error`, async (context) => {
    await assert.rejects(run(join(await temporaryDirectory(context), "v")), { message })
  })
}

test("optional objects and keys may be missing", async (context) => {
  const directory = join(await temporaryDirectory(context), "v")
  const plugin = newConfigMapPlugin({ objects, clock })
  const pod = podWith([])
  await plugin.setUp({ pod, volumeName: "v", spec: { name: "no", optional: true }, directory }, signal)
  const items = [
    { key: "no", path: "no" },
    { key: "a", path: "a" },
  ]
  await plugin.setUp({ pod, volumeName: "v", spec: { name: "settings", optional: true, items }, directory }, signal)
  assert.equal(await readFile(join(directory, "a"), "utf8"), "1")
})
