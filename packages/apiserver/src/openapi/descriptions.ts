import { readFileSync } from "node:fs"

/** Texts by type name, then by field name; the type's own is under the empty name. */
export type Descriptions = Readonly<Record<string, Readonly<Record<string, string>>>>

/** Where set-up puts the descriptions (tools/generate/docs.ts). They may be missing: then nothing is described. */
export const descriptionsFile = new URL("./generated/docs.json", import.meta.resolve("@ladya/api"))

/** The bytes of the descriptions; empty when there are none. */
export function readDescriptions(file: URL = descriptionsFile): Buffer {
  try {
    return readFileSync(file)
  } catch {
    return Buffer.alloc(0)
  }
}

export function parseDescriptions(bytes: Buffer): Descriptions {
  return bytes.length === 0 ? {} : (JSON.parse(bytes.toString()) as Descriptions)
}
