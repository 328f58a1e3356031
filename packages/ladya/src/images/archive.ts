import { createReadStream, createWriteStream } from "node:fs"
import { mkdtemp, open, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { posix } from "node:path"
import type { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"
import { createGunzip, createZstdDecompress } from "node:zlib"
import { extract } from "tar-stream"
import { LadyaError } from "../errors.ts"
import { fullImageName } from "./names.ts"
import { type Descriptor, type ImageStore, mediaTypes, nameAnnotation, type OciManifest } from "./store.ts"

/** The members of an archive by name, each in a file of its own. */
type Members = Map<string, string>

interface DockerManifestEntry {
  Config: string
  RepoTags?: string[] | null
  Layers: string[]
}

interface OciIndex {
  manifests?: Descriptor[]
}

/** Loads an OCI or Docker archive (tar, perhaps gzipped or zstd) into the store. Gives the names it had. */
export async function loadArchive(store: ImageStore, file: string): Promise<string[]> {
  const directory = await mkdtemp(`${tmpdir()}/ladya-load-`)
  try {
    const members = await unpack(file, directory)
    const names = members.has("index.json")
      ? await loadOci(store, members)
      : members.has("manifest.json")
        ? await loadDocker(store, members)
        : undefined
    if (names === undefined) {
      throw new LadyaError(`${file} is neither an OCI nor a Docker image archive`, {
        hint: "make one with: docker save -o FILE IMAGE, or podman save --format oci-archive -o FILE IMAGE",
      })
    }
    if (names.length === 0) {
      throw new LadyaError(`${file} names no image`, { hint: "save the image by its name and tag, not by its id" })
    }
    return names
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

/** The first bytes of a file tell how it is compressed. */
async function decompressed(file: string): Promise<Readable> {
  const handle = await open(file).catch((error: NodeJS.ErrnoException) => {
    throw new LadyaError(`cannot read ${file}: ${error.message}`, { exitCode: 2 })
  })
  const magic = Buffer.alloc(6)
  await handle.read(magic, 0, 6, 0).finally(() => handle.close())
  const raw = createReadStream(file, { highWaterMark: 256 * 1024 })
  if (magic.readUInt16BE(0) === 0x1f8b) return raw.pipe(createGunzip())
  if (magic.readUInt32LE(0) === 0xfd2fb528) return raw.pipe(createZstdDecompress())
  if (magic.toString("latin1", 1, 5) === "7zXZ") {
    raw.destroy()
    throw new LadyaError(`${file} is compressed with xz`, { hint: `uncompress it first: unxz ${file}` })
  }
  return raw
}

async function unpack(file: string, directory: string): Promise<Members> {
  const members: Members = new Map()
  const links = new Map<string, string>()
  const tar = extract()
  const input = await decompressed(file)
  input.on("error", (error) => tar.destroy(error))
  input.pipe(tar)
  try {
    for await (const entry of tar) {
      const name = posix.normalize(entry.header.name)
      if (entry.header.type === "file") {
        // Files are named by number: what an archive calls them never becomes a path here.
        const path = `${directory}/${members.size}`
        await pipeline(entry, createWriteStream(path))
        members.set(name, path)
      } else {
        const target = entry.header.linkname ?? ""
        if (entry.header.type === "symlink") links.set(name, posix.join(posix.dirname(name), target))
        if (entry.header.type === "link") links.set(name, posix.normalize(target))
        entry.resume()
      }
    }
  } catch (error) {
    throw new LadyaError(`${file} is damaged or no archive: ${error instanceof Error ? error.message : error}`)
  }
  for (const [name, target] of links) {
    const path = members.get(target)
    if (path !== undefined) members.set(name, path)
  }
  return members
}

function member(members: Members, name: string): string {
  const path = members.get(posix.normalize(name))
  if (path === undefined) throw new LadyaError(`the archive is incomplete: it has no ${name}`)
  return path
}

async function json(members: Members, name: string): Promise<unknown> {
  return JSON.parse(await readFile(member(members, name), "utf8"))
}

async function loadOci(store: ImageStore, members: Members): Promise<string[]> {
  const index = (await json(members, "index.json")) as OciIndex
  for (const [name, path] of members) {
    const hex = /^blobs\/sha256\/([0-9a-f]{64})$/.exec(name)?.[1]
    if (hex !== undefined) await store.putBlob(createReadStream(path), `sha256:${hex}`)
  }
  // Newer archives of Docker are both: then the full names stand in Docker's own manifest.
  const docker = members.has("manifest.json") ? ((await json(members, "manifest.json")) as DockerManifestEntry[]) : []
  const names: string[] = []
  for (const descriptor of index.manifests ?? []) {
    for (const name of await ociNames(store, descriptor, docker)) {
      await store.setName(name, descriptor)
      names.push(name)
    }
  }
  return names
}

async function ociNames(
  store: ImageStore,
  descriptor: Descriptor,
  docker: readonly DockerManifestEntry[],
): Promise<string[]> {
  const full = descriptor.annotations?.[nameAnnotation]
  if (full !== undefined) return [fullImageName(full)]
  const content = JSON.parse((await store.readBlob(descriptor.digest)).toString()) as Partial<OciManifest>
  const config = content.config?.digest.slice("sha256:".length)
  const tags = docker.filter((entry) => config !== undefined && entry.Config.includes(config))
  if (tags.length > 0) return tags.flatMap((entry) => (entry.RepoTags ?? []).map(fullImageName))
  const reference = descriptor.annotations?.["org.opencontainers.image.ref.name"]
  // A bare tag without a repository names nothing.
  return reference !== undefined && /[/:]/.test(reference) ? [fullImageName(reference)] : []
}

async function loadDocker(store: ImageStore, members: Members): Promise<string[]> {
  const names: string[] = []
  for (const entry of (await json(members, "manifest.json")) as DockerManifestEntry[]) {
    const layers: Descriptor[] = []
    for (const layer of entry.Layers) {
      const path = member(members, layer)
      const magic = (await readFirst(path, 2)).readUInt16BE(0)
      const blob = await store.putBlob(createReadStream(path))
      layers.push({ mediaType: magic === 0x1f8b ? mediaTypes.layerGzip : mediaTypes.layer, ...blob })
    }
    const config = await store.putBlob(createReadStream(member(members, entry.Config)))
    const manifest: OciManifest = {
      schemaVersion: 2,
      mediaType: mediaTypes.manifest,
      config: { mediaType: mediaTypes.config, ...config },
      layers,
    }
    const descriptor = await store.putJson(mediaTypes.manifest, manifest)
    for (const tag of entry.RepoTags ?? []) {
      const name = fullImageName(tag)
      await store.setName(name, descriptor)
      names.push(name)
    }
  }
  return names
}

async function readFirst(path: string, length: number): Promise<Buffer> {
  const handle = await open(path)
  const bytes = Buffer.alloc(length)
  await handle.read(bytes, 0, length, 0).finally(() => handle.close())
  return bytes
}
