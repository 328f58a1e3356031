import { CelError } from "../runtime/errors.ts"
import { define, type Overload, traverse } from "./overload.ts"

const along = ([size = 0]: readonly number[]): number => Math.max(1, traverse(size))

function decode(text: string): Uint8Array {
  const bare = text.replace(/=+$/, "")
  if (!/^[A-Za-z0-9+/]*$/.test(bare) || bare.length % 4 === 1) throw new CelError("illegal base64 data")
  return Uint8Array.from(atob(bare), (char) => char.charCodeAt(0))
}

const encode = (bytes: Uint8Array): string => {
  let text = ""
  for (const byte of bytes) text += String.fromCharCode(byte)
  return btoa(text)
}

/** Base 64, and the keys of JSON pointers. */
export const encoderFunctions: readonly Overload[] = [
  define("base64.encode(bytes): string", encode, { cost: along, size: ([size = 0]) => Math.ceil(size * 1.4) + 4 }),
  define("base64.decode(string): bytes", decode, { cost: along, size: ([size = 0]) => size }),
  define("jsonpatch.escapeKey(string): string", (key: string) => key.replaceAll("~", "~0").replaceAll("/", "~1"), {
    cost: along,
    size: ([size = 0]) => size * 2,
  }),
]
