import { chmod, mkdir, readFile, rename, writeFile } from "node:fs/promises"
import { join } from "node:path"

/** A certificate and its private key, both PEM. */
export interface KeyPairPem {
  certificate: string
  key: string
}

/** The text of a file below `dir`; undefined when there is none. What others could read is closed to them. */
export async function readPrivate(dir: string, name: string): Promise<string | undefined> {
  const path = join(dir, name)
  try {
    const text = await readFile(path, "utf8")
    await chmod(path, 0o600)
    return text
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined
    throw error
  }
}

/** Writes a file for its owner alone. A crash leaves the old content or the new one. */
export async function writePrivate(dir: string, name: string, text: string): Promise<void> {
  await mkdir(dir, { recursive: true, mode: 0o700 })
  const path = join(dir, name)
  await writeFile(`${path}.new`, text, { mode: 0o600 })
  await rename(`${path}.new`, path)
}

/** `<name>.crt` and `<name>.key`. Undefined when neither is there; throws when one is missing. */
export async function readPair(dir: string, name: string): Promise<KeyPairPem | undefined> {
  const [certificate, key] = await Promise.all([readPrivate(dir, `${name}.crt`), readPrivate(dir, `${name}.key`)])
  if (certificate === undefined && key === undefined) return undefined
  if (certificate === undefined || key === undefined) {
    const [there, missing] = key === undefined ? ["crt", "key"] : ["key", "crt"]
    throw new Error(
      `${join(dir, name)}.${there} is there, but ${name}.${missing} is missing: restore it, or remove both to have them made anew`,
    )
  }
  return { certificate, key }
}

export async function writePair(dir: string, name: string, pair: KeyPairPem): Promise<void> {
  // The key first: a crash in between leaves a key without a certificate, which is seen and reported.
  await writePrivate(dir, `${name}.key`, pair.key)
  await writePrivate(dir, `${name}.crt`, pair.certificate)
}
