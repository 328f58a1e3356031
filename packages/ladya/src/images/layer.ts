import { createHash } from "node:crypto"
import { createReadStream } from "node:fs"
import { PassThrough, Transform } from "node:stream"
import { pipeline } from "node:stream/promises"
import { createGzip } from "node:zlib"
import { type Header, type Pack, pack } from "tar-stream"
import type { Rootfs, RootfsEntry } from "./rootfs.ts"
import { type Descriptor, type ImageStore, mediaTypes } from "./store.ts"

export interface Layer {
  descriptor: Descriptor
  /** The digest of the layer before it was compressed. */
  diffId: string
}

/** The same files give the same bytes, whoever packs them and when. */
const epoch = new Date(0)

/** Packs a file system into a gzipped tar in the store. */
export async function packLayer(store: ImageStore, rootfs: Rootfs): Promise<Layer> {
  const tar = pack()
  const hash = createHash("sha256")
  const hashing = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk)
      done(null, chunk)
    },
  })
  // Level 1: images are made to be run at once, and the layer is read back over a local link.
  const gzip = createGzip({ level: 1, chunkSize: 256 * 1024 })
  const output = new PassThrough()
  const stored = store.putBlob(output)
  const written = writeEntries(tar, rootfs)
  const [{ digest, size }] = await Promise.all([stored, pipeline(tar, hashing, gzip, output), written])
  return {
    descriptor: { mediaType: mediaTypes.layerGzip, digest, size },
    diffId: `sha256:${hash.digest("hex")}`,
  }
}

async function writeEntries(tar: Pack, rootfs: Rootfs): Promise<void> {
  // Byte order puts a directory before what is in it.
  for (const [path, entry] of [...rootfs.entries].sort(([a], [b]) => (a < b ? -1 : 1))) {
    try {
      await writeEntry(tar, path, entry)
    } catch (error) {
      tar.destroy(error instanceof Error ? error : new Error(String(error)))
      throw error
    }
  }
  tar.finalize()
}

function writeEntry(tar: Pack, path: string, entry: RootfsEntry): Promise<void> {
  const header = (fields: Partial<Header>) => ({ name: path, mtime: epoch, uid: 0, gid: 0, ...fields })
  return new Promise((resolve, reject) => {
    const done = (error?: Error | null): void => (error ? reject(error) : resolve())
    switch (entry.type) {
      case "directory":
        tar.entry(header({ name: `${path}/`, type: "directory", mode: entry.mode }), done)
        break
      case "symlink":
        tar.entry(header({ type: "symlink", linkname: entry.target, mode: 0o777 }), done)
        break
      case "content":
        tar.entry(header({ mode: entry.mode }), entry.content, done)
        break
      case "file": {
        const sink = tar.entry(header({ mode: entry.mode, size: entry.size }), done)
        const source = createReadStream(entry.source, { highWaterMark: 256 * 1024 })
        source.on("error", reject)
        source.pipe(sink)
      }
    }
  })
}
