import { closeSync, openSync, readSync } from "node:fs"
import { crc32, inflateRawSync } from "node:zlib"

const endOfDirectory = 0x06054b50
const directoryEntry = 0x02014b50

/**
 * One file out of a zip archive. Reads that file's bytes and the archive's directory, nothing else.
 * Knows what the archives here use: no 64-bit sizes, no encryption, stored or deflated. Throws on anything else.
 */
export function readZipEntry(archive: string, name: string, archiveSize: number): Buffer {
  const file = openSync(archive, "r")
  try {
    const read = (position: number, length: number): Buffer => {
      const bytes = Buffer.alloc(length)
      if (readSync(file, bytes, 0, length, position) !== length) throw new Error(`${archive} is cut short`)
      return bytes
    }
    // The end record is last, but for a comment of up to 64 KiB.
    const tail = read(Math.max(0, archiveSize - 65_557), Math.min(archiveSize, 65_557))
    const end = tail.lastIndexOf(Buffer.from([0x50, 0x4b, 5, 6]))
    if (end < 0 || tail.readUInt32LE(end) !== endOfDirectory) throw new Error(`${archive} is no zip archive`)
    const directory = read(tail.readUInt32LE(end + 16), tail.readUInt32LE(end + 12))
    for (let at = 0; at < directory.length; ) {
      if (directory.readUInt32LE(at) !== directoryEntry) throw new Error(`${archive} has a broken directory`)
      const nameLength = directory.readUInt16LE(at + 28)
      if (directory.toString("utf8", at + 46, at + 46 + nameLength) === name) {
        const method = directory.readUInt16LE(at + 10)
        const header = read(directory.readUInt32LE(at + 42), 30)
        const start = directory.readUInt32LE(at + 42) + 30 + header.readUInt16LE(26) + header.readUInt16LE(28)
        const packed = read(start, directory.readUInt32LE(at + 20))
        if (method !== 0 && method !== 8) throw new Error(`${archive} packs ${name} by method ${method}`)
        const content = method === 8 ? inflateRawSync(packed) : packed
        if (crc32(content) !== directory.readUInt32LE(at + 16)) throw new Error(`${name} in ${archive} is damaged`)
        return content
      }
      at += 46 + nameLength + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32)
    }
    throw new Error(`${archive} holds no ${name}`)
  } finally {
    closeSync(file)
  }
}
