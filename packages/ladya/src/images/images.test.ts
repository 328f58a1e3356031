import assert from "node:assert/strict"
import { createWriteStream } from "node:fs"
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pipeline } from "node:stream/promises"
import { type TestContext, test } from "node:test"
import { gzipSync } from "node:zlib"
import { FakeClock, settle, silentLogger } from "@ladya/util"
import { pack } from "tar-stream"
import { loadArchive } from "./archive.ts"
import { buildImage } from "./build.ts"
import { makeImage, parseCopy } from "./make.ts"
import { newMirrorHosts } from "./mirror-hosts.ts"
import { newRegistry } from "./registry.ts"
import { Rootfs } from "./rootfs.ts"
import { ImageStore, mediaTypes, type OciManifest } from "./store.ts"

async function temporary(t: TestContext): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "ladya-images-test-"))
  t.after(() => rm(directory, { recursive: true, force: true }))
  return directory
}

function smallRootfs(text: string): Rootfs {
  const rootfs = new Rootfs()
  rootfs.mergedUsr()
  rootfs.content("/bin/hello", text, 0o755)
  return rootfs
}

const architecture = "x64" as const

test("the same files give the same image, and another name costs nothing", async (t) => {
  const one = new ImageStore(join(await temporary(t), "one"))
  const two = new ImageStore(join(await temporary(t), "two"))
  const build = (store: ImageStore, name: string) =>
    buildImage(store, { names: [name], rootfs: smallRootfs("hi"), config: { Cmd: ["hello"] }, architecture })
  const first = await build(one, "a")
  assert.equal((await build(two, "a")).digest, first.digest)
  assert.equal((await build(one, "b:v2")).digest, first.digest)
  assert.deepEqual(
    (await one.list()).map(({ name }) => name),
    ["docker.io/library/a:latest", "docker.io/library/b:v2"],
  )
})

test("removing a name removes the blobs that nothing else needs", async (t) => {
  const store = new ImageStore(await temporary(t))
  await buildImage(store, { names: ["a"], rootfs: smallRootfs("a"), config: {}, architecture })
  const kept = await buildImage(store, { names: ["b"], rootfs: smallRootfs("b"), config: {}, architecture })
  const gone = (await store.resolve("docker.io/library/a:latest"))?.digest as string
  assert.equal(await store.remove("docker.io/library/a:latest"), true)
  assert.equal(await store.remove("docker.io/library/a:latest"), false)
  assert.equal(store.hasBlob(gone), false)
  assert.ok(store.hasBlob(kept.digest))
  const manifest = JSON.parse((await store.readBlob(kept.digest)).toString()) as OciManifest
  for (const layer of manifest.layers) assert.ok(store.hasBlob(layer.digest))
})

test("a blob with another digest than it should have is refused", async (t) => {
  const store = new ImageStore(await temporary(t))
  const { Readable } = await import("node:stream")
  await assert.rejects(store.putBlob(Readable.from([Buffer.from("x")]), `sha256:${"0".repeat(64)}`), /is damaged/)
})

test("paths of a rootfs: /bin and /lib are links into /usr, parents are made, modes of /tmp are left alone", async (t) => {
  const source = join(await temporary(t), "run.sh")
  await writeFile(source, "#!/bin/sh\n")
  await chmod(source, 0o750)
  const rootfs = smallRootfs("x")
  await rootfs.copy(source, "/tmp/run.sh")
  await rootfs.copy(source, "/opt/app/")
  rootfs.directory("/lib64")
  rootfs.symlink("/lib64/ld.so", "/lib/ld.so")
  const kinds = Object.fromEntries([...rootfs.entries].map(([path, entry]) => [path, entry.type]))
  assert.equal(kinds["bin"], "symlink")
  assert.equal(kinds["lib64"], "symlink")
  assert.equal(kinds["usr/lib64/ld.so"], "symlink")
  assert.equal(kinds["usr/bin/hello"], "content")
  assert.equal(kinds["opt/app"], "directory")
  assert.equal(kinds["tmp"], undefined)
  const copied = rootfs.entries.get("opt/app/run.sh")
  assert.ok(copied?.type === "file" && copied.mode === 0o750)
})

test("a copied program brings the libraries it needs", async (t) => {
  const store = new ImageStore(await temporary(t))
  const rootfs = new Rootfs()
  await rootfs.copy(process.execPath, "/usr/bin/node")
  assert.ok([...rootfs.entries.keys()].some((path) => path.startsWith("usr/lib") && path.includes("libc.so")))
  await assert.rejects(makeImage(store, { ...makeDefaults(), copies: ["/no/such/file:/x"] }), /cannot copy \/no\/such/)
})

function makeDefaults() {
  return { names: ["made"], base: "none", debs: [], copies: [], config: {}, architecture, debCache: "/nonexistent" }
}

test("--copy is parted at the colon before the absolute destination", () => {
  assert.deepEqual(parseCopy("a:b:/c"), ["a:b", "/c"])
  assert.throws(() => parseCopy("a:b"), /write it as/)
})

async function writeTar(path: string, members: [name: string, content: string | Buffer][], gzip = false) {
  const tar = pack()
  for (const [name, content] of members) tar.entry({ name }, content)
  tar.finalize()
  await pipeline(tar, createWriteStream(path))
  if (gzip) await writeFile(path, gzipSync(await readFile(path)))
}

test("a Docker archive is loaded, gzipped or not", async (t) => {
  const directory = await temporary(t)
  const store = new ImageStore(join(directory, "store"))
  const members: [string, string][] = [
    ["abc.json", '{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}'],
    ["l1/layer.tar", "not really a tar"],
    ["manifest.json", '[{"Config":"abc.json","RepoTags":["shop/web:v1"],"Layers":["l1/layer.tar"]}]'],
  ]
  for (const gzip of [false, true]) {
    await writeTar(join(directory, "a.tar"), members, gzip)
    assert.deepEqual(await loadArchive(store, join(directory, "a.tar")), ["docker.io/shop/web:v1"])
  }
  const descriptor = await store.resolve("docker.io/shop/web:v1")
  const manifest = JSON.parse((await store.readBlob(descriptor?.digest ?? "")).toString()) as OciManifest
  assert.equal(manifest.layers[0]?.mediaType, mediaTypes.layer)
})

test("an OCI archive of the store's own files is loaded under its names", async (t) => {
  const directory = await temporary(t)
  const from = new ImageStore(join(directory, "from"))
  const built = await buildImage(from, { names: ["a:1"], rootfs: smallRootfs("a"), config: {}, architecture })
  const manifest = JSON.parse((await from.readBlob(built.digest)).toString()) as OciManifest
  const digests = [built.digest, manifest.config.digest, ...manifest.layers.map((layer) => layer.digest)]
  const members: [string, Buffer][] = [["index.json", await readFile(join(directory, "from/index.json"))]]
  for (const digest of digests) members.push([`blobs/sha256/${digest.slice(7)}`, await from.readBlob(digest)])
  await writeTar(join(directory, "a.tar"), members)
  const to = new ImageStore(join(directory, "to"))
  assert.deepEqual(await loadArchive(to, join(directory, "a.tar")), ["docker.io/library/a:1"])
  assert.equal((await to.resolve("docker.io/library/a:1"))?.digest, built.digest)
})

test("what is no image archive is said to be none", async (t) => {
  const directory = await temporary(t)
  const store = new ImageStore(join(directory, "store"))
  await writeTar(join(directory, "x.tar"), [["readme", "hello"]])
  await assert.rejects(loadArchive(store, join(directory, "x.tar")), /neither an OCI nor a Docker image archive/)
  await writeFile(join(directory, "y.tar"), "x".repeat(2000))
  await assert.rejects(loadArchive(store, join(directory, "y.tar")), /damaged or no archive/)
  await assert.rejects(loadArchive(store, join(directory, "none.tar")), /cannot read/)
})

test("the mirror serves manifests by tag and digest, and blobs, and tells of misses", async (t) => {
  const store = new ImageStore(await temporary(t))
  const built = await buildImage(store, { names: ["a:1"], rootfs: smallRootfs("a"), config: {}, architecture })
  const missed: string[] = []
  const registry = newRegistry({
    ...{ store, host: "127.0.0.1", port: 0, log: silentLogger },
    onMiss: (_, name) => missed.push(name),
  })
  await registry.start()
  t.after(() => registry.stop(AbortSignal.abort()))
  const get = (path: string, method = "GET") => fetch(`http://127.0.0.1:${registry.port()}${path}`, { method })
  assert.equal((await get("/v2/")).status, 200)
  const byTag = await get("/v2/library/a/manifests/1?ns=docker.io", "HEAD")
  assert.equal(byTag.status, 200)
  assert.equal(byTag.headers.get("docker-content-digest"), built.digest)
  assert.equal(byTag.headers.get("content-type"), mediaTypes.manifest)
  const manifest = (await (await get(`/v2/library/a/manifests/${built.digest}`)).json()) as OciManifest
  const layer = await get(`/v2/library/a/blobs/${manifest.layers[0]?.digest}`)
  assert.equal((await layer.arrayBuffer()).byteLength, manifest.layers[0]?.size)
  assert.equal((await get("/v2/library/a/manifests/1?ns=quay.io")).status, 404)
  assert.deepEqual(missed, ["quay.io/library/a:1"])
  assert.equal((await get("/v2/library/a/blobs/sha256:zz")).status, 404)
  assert.equal((await get("/v2/library/a/manifests/1", "PUT")).status, 405)
})

test("a taken port of the mirror is named", async (t) => {
  const store = new ImageStore(await temporary(t))
  const options = { store, host: "127.0.0.1", log: silentLogger }
  const first = newRegistry({ ...options, port: 0 })
  await first.start()
  t.after(() => first.stop(AbortSignal.abort()))
  await assert.rejects(newRegistry({ ...options, port: first.port() }).start(), /the port is taken/)
})

test("hosts.toml leads to the mirror alone until a public registry can be reached", async (t) => {
  const certsDirectory = await temporary(t)
  await mkdir(certsDirectory, { recursive: true })
  const clock = new FakeClock()
  let reachable = false
  const hosts = newMirrorHosts({
    ...{ certsDirectory, mirror: "http://172.30.0.1:5000", publicRegistries: "auto", log: silentLogger, clock },
    isReachable: async () => reachable,
  })
  const text = () => readFile(`${certsDirectory}/_default/hosts.toml`, "utf8")
  await hosts.start()
  assert.match(await text(), /^server = "http:\/\/172\.30\.0\.1:5000"$/m)
  reachable = true
  hosts.missed("docker.io")
  await settle()
  assert.match(await text(), /^server = /m, "asked too soon after the first probe")
  await clock.advance(16_000)
  hosts.missed("docker.io")
  await hosts.stop(AbortSignal.abort())
  assert.doesNotMatch(await text(), /^server = /m)
})
