import type { FileHandle } from "node:fs/promises"

const newline = 0x0a
const blockBytes = 16 * 1024

/** Where the last `lines` lines of a file begin, read from its end backwards. */
export async function tailOffset(file: Pick<FileHandle, "read">, sizeBytes: number, lines: number): Promise<number> {
  if (lines <= 0) return sizeBytes
  const block = Buffer.alloc(blockBytes)
  let found = 0
  for (let end = sizeBytes; end > 0; ) {
    const start = Math.max(0, end - blockBytes)
    const { bytesRead } = await file.read(block, 0, end - start, start)
    for (let i = bytesRead - 1; i >= 0; i--) {
      if (block[i] !== newline) continue
      // The newline that ends the file ends its last line.
      if (start + i === sizeBytes - 1) continue
      if (++found === lines) return start + i + 1
    }
    end = start
  }
  return 0
}
