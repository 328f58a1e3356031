import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { LadyaError } from "../errors.ts"
import { type BuildOptions, buildImage, type ImageConfig } from "./build.ts"
import { fetchDebs, resolveDebs, unpackDebs } from "./debs.ts"
import { Rootfs } from "./rootfs.ts"
import type { Descriptor, ImageStore } from "./store.ts"

export interface MakeOptions {
  names: readonly string[]
  /** "none" to start from nothing. */
  base: string
  debs: readonly string[]
  /** `SRC:DST` */
  copies: readonly string[]
  config: ImageConfig
  architecture: BuildOptions["architecture"]
  /** Where downloaded packages are kept. */
  debCache: string
  onStep?: (text: string) => void
}

/** Makes an image out of Debian packages and files of this machine, with the libraries they need. */
export async function makeImage(store: ImageStore, options: MakeOptions): Promise<Descriptor> {
  const rootfs = new Rootfs()
  if (options.base === "none" && (options.debs.length > 0 || options.copies.length > 0)) rootfs.mergedUsr()
  const unpacked = await mkdtemp(`${tmpdir()}/ladya-image-`)
  try {
    if (options.debs.length > 0) {
      const packages = await resolveDebs(options.debs)
      options.onStep?.(`fetching ${packages.map((one) => one.name).join(" ")}`)
      const files = await fetchDebs(packages, options.debCache)
      options.onStep?.(`unpacking ${files.length} packages`)
      await unpackDebs(files, unpacked)
      await rootfs.tree(unpacked, "/")
      for (const path of rootfs.entries.keys()) {
        // Documentation is most of many packages and no container reads it.
        if (/^usr\/share\/(doc|man|info|lintian|locale)\//.test(path)) rootfs.entries.delete(path)
      }
    }
    for (const copy of options.copies) await rootfs.copy(...parseCopy(copy))
    options.onStep?.("packing")
    return await buildImage(store, {
      names: options.names,
      ...(options.base === "none" ? {} : { base: options.base }),
      rootfs,
      config: options.config,
      architecture: options.architecture,
    })
  } finally {
    await rm(unpacked, { recursive: true, force: true })
  }
}

/** Takes `SRC:DST` apart; DST is absolute, so that the last colon before a slash parts them. */
export function parseCopy(text: string): [source: string, path: string] {
  const at = text.lastIndexOf(":/")
  if (at <= 0) {
    throw new LadyaError(`--copy ${text}: write it as SOURCE:/PATH/IN/IMAGE`, { exitCode: 2 })
  }
  return [text.slice(0, at), text.slice(at + 1)]
}
