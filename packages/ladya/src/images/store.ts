import { createHash, randomUUID } from "node:crypto"
import { createReadStream, createWriteStream, existsSync } from "node:fs"
import { mkdir, readdir, readFile, rename, rm, stat } from "node:fs/promises"
import { type Readable, Transform } from "node:stream"
import { pipeline } from "node:stream/promises"
import { readJson, withLock, writeFileAtomic } from "../system/files.ts"

export interface Descriptor {
  mediaType: string
  digest: string
  size: number
  annotations?: Record<string, string>
  platform?: { architecture: string; os: string; variant?: string }
}

interface OciIndex {
  schemaVersion: 2
  mediaType: string
  manifests: Descriptor[]
}

export interface OciManifest {
  schemaVersion: 2
  mediaType?: string
  config: Descriptor
  layers: Descriptor[]
}

export const mediaTypes = {
  index: "application/vnd.oci.image.index.v1+json",
  manifest: "application/vnd.oci.image.manifest.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar",
  layerGzip: "application/vnd.oci.image.layer.v1.tar+gzip",
  layerZstd: "application/vnd.oci.image.layer.v1.tar+zstd",
} as const

/** The annotation that container runtimes read an image's full name from. */
export const nameAnnotation = "io.containerd.image.name"

/**
 * Images by content, as an OCI image layout: `blobs/sha256/…`, and `index.json` that names them.
 * Any tool that reads OCI layouts can read it, and processes can share it: blobs never change, the index is replaced at once.
 */
export class ImageStore {
  readonly directory: string
  #index: { text: string; names: Map<string, Descriptor> } | undefined

  constructor(directory: string) {
    this.directory = directory
  }

  /** Every name and what it stands for, sorted by name. */
  async list(): Promise<{ name: string; descriptor: Descriptor }[]> {
    return [...(await this.#names())]
      .map(([name, descriptor]) => ({ name, descriptor }))
      .sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  /** What a full name stands for. */
  async resolve(fullName: string): Promise<Descriptor | undefined> {
    return (await this.#names()).get(fullName)
  }

  blobPath(digest: string): string {
    const [algorithm, hex] = digest.split(":")
    if (algorithm !== "sha256" || !/^[0-9a-f]{64}$/.test(hex ?? "")) throw new Error(`not a digest: ${digest}`)
    return `${this.directory}/blobs/sha256/${hex}`
  }

  hasBlob(digest: string): boolean {
    return existsSync(this.blobPath(digest))
  }

  async blobSize(digest: string): Promise<number | undefined> {
    return await stat(this.blobPath(digest)).then(
      (entry) => entry.size,
      () => undefined,
    )
  }

  readBlob(digest: string): Promise<Buffer> {
    return readFile(this.blobPath(digest))
  }

  streamBlob(digest: string): Readable {
    return createReadStream(this.blobPath(digest))
  }

  /** Stores what a stream gives. Throws, storing nothing, when `expected` is another digest. */
  async putBlob(content: Readable, expected?: string): Promise<{ digest: string; size: number }> {
    const blobs = `${this.directory}/blobs/sha256`
    await mkdir(blobs, { recursive: true, mode: 0o755 })
    const temporary = `${blobs}/.${randomUUID()}`
    const hash = createHash("sha256")
    let size = 0
    const measure = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        hash.update(chunk)
        size += chunk.length
        done(null, chunk)
      },
    })
    try {
      await pipeline(content, measure, createWriteStream(temporary, { mode: 0o644 }))
      const digest = `sha256:${hash.digest("hex")}`
      if (expected !== undefined && digest !== expected) {
        throw new Error(`blob ${expected} is damaged: its content has the digest ${digest}`)
      }
      await rename(temporary, this.blobPath(digest))
      return { digest, size }
    } catch (error) {
      await rm(temporary, { force: true })
      throw error
    }
  }

  async putJson(mediaType: string, value: unknown): Promise<Descriptor> {
    const content = Buffer.from(JSON.stringify(value))
    const digest = `sha256:${createHash("sha256").update(content).digest("hex")}`
    await mkdir(`${this.directory}/blobs/sha256`, { recursive: true, mode: 0o755 })
    if (!this.hasBlob(digest)) await writeFileAtomic(this.blobPath(digest), content)
    return { mediaType, digest, size: content.length }
  }

  /** Names an image; the name moves when another image had it. */
  async setName(fullName: string, descriptor: Descriptor): Promise<void> {
    await this.#changeIndex((names) => {
      const { annotations, ...rest } = descriptor
      const tag = fullName.slice(fullName.lastIndexOf("/")).split(":")[1]
      names.set(fullName, {
        ...rest,
        annotations: {
          ...annotations,
          [nameAnnotation]: fullName,
          ...(tag === undefined ? {} : { "org.opencontainers.image.ref.name": tag }),
        },
      })
    })
  }

  /** Takes a name away, and every blob that no name needs any more. False when there was no such name. */
  async remove(fullName: string): Promise<boolean> {
    let found = false
    await this.#changeIndex(async (names) => {
      found = names.delete(fullName)
      if (found) await this.#collectGarbage([...names.values()])
    })
    return found
  }

  /** The sum of an image's blobs in bytes, as far as they are here. */
  async sizeOf(descriptor: Descriptor): Promise<number> {
    let total = 0
    for (const digest of await this.#reachable([descriptor])) total += (await this.blobSize(digest)) ?? 0
    return total
  }

  async #collectGarbage(roots: readonly Descriptor[]): Promise<void> {
    const kept = await this.#reachable(roots)
    for (const name of await readdir(`${this.directory}/blobs/sha256`)) {
      if (/^[0-9a-f]{64}$/.test(name) && !kept.has(`sha256:${name}`)) await rm(this.blobPath(`sha256:${name}`))
    }
  }

  async #reachable(roots: readonly Descriptor[]): Promise<Set<string>> {
    const found = new Set<string>()
    const visit = async (descriptor: Descriptor): Promise<void> => {
      if (found.has(descriptor.digest) || !this.hasBlob(descriptor.digest)) return
      found.add(descriptor.digest)
      if (!/index|manifest/.test(descriptor.mediaType)) return
      const content = JSON.parse((await this.readBlob(descriptor.digest)).toString()) as Partial<OciManifest & OciIndex>
      for (const child of [content.config, ...(content.layers ?? []), ...(content.manifests ?? [])]) {
        if (child) await visit(child)
      }
    }
    for (const root of roots) await visit(root)
    return found
  }

  async #names(): Promise<Map<string, Descriptor>> {
    const text = await readFile(`${this.directory}/index.json`, "utf8").catch(() => "")
    if (this.#index?.text === text) return this.#index.names
    const index = (text === "" ? undefined : JSON.parse(text)) as OciIndex | undefined
    const names = new Map<string, Descriptor>()
    for (const descriptor of index?.manifests ?? []) {
      const name = descriptor.annotations?.[nameAnnotation]
      if (name !== undefined) names.set(name, descriptor)
    }
    this.#index = { text, names }
    return names
  }

  async #changeIndex(change: (names: Map<string, Descriptor>) => void | Promise<void>): Promise<void> {
    await mkdir(this.directory, { recursive: true, mode: 0o755 })
    await withLock(`${this.directory}/.lock`, async () => {
      const names = new Map(await this.#names())
      await change(names)
      if ((await readJson(`${this.directory}/oci-layout`)) === undefined) {
        await writeFileAtomic(`${this.directory}/oci-layout`, '{"imageLayoutVersion":"1.0.0"}')
      }
      const index: OciIndex = { schemaVersion: 2, mediaType: mediaTypes.index, manifests: [...names.values()] }
      await writeFileAtomic(`${this.directory}/index.json`, JSON.stringify(index, undefined, 1))
    })
  }
}
