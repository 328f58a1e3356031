import { LadyaError } from "../errors.ts"
import { type Layer, packLayer } from "./layer.ts"
import { fullImageName } from "./names.ts"
import type { Rootfs } from "./rootfs.ts"
import { type Descriptor, type ImageStore, mediaTypes, type OciManifest } from "./store.ts"

/** What a container of the image runs by default; names as the OCI image specification has them. */
export interface ImageConfig {
  Env?: string[]
  Entrypoint?: string[]
  Cmd?: string[]
  WorkingDir?: string
  User?: string
  ExposedPorts?: Record<string, Record<string, never>>
}

interface OciConfig {
  created: string
  architecture: string
  os: string
  config: ImageConfig
  rootfs: { type: "layers"; diff_ids: string[] }
  history?: { created: string; created_by: string; empty_layer?: boolean }[]
}

export interface BuildOptions {
  /** One or more names, the first the one it is asked for by. */
  names: readonly string[]
  /** An image of the store that this one starts from. */
  base?: string
  rootfs: Rootfs
  config: ImageConfig
  architecture: "x64" | "arm64"
}

const epochText = "1970-01-01T00:00:00Z"

/** Builds an image of one layer, above those of its base, and names it. */
export async function buildImage(store: ImageStore, options: BuildOptions): Promise<Descriptor> {
  const base = options.base === undefined ? undefined : await readImage(store, options.base)
  const layer: Layer | undefined =
    options.rootfs.entries.size === 0 ? undefined : await packLayer(store, options.rootfs)
  const config: OciConfig = {
    created: epochText,
    architecture: options.architecture === "x64" ? "amd64" : "arm64",
    os: "linux",
    config: { ...base?.config.config, ...options.config },
    rootfs: {
      type: "layers",
      diff_ids: [...(base?.config.rootfs.diff_ids ?? []), ...(layer ? [layer.diffId] : [])],
    },
  }
  const manifest: OciManifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: await store.putJson(mediaTypes.config, config),
    layers: [...(base?.manifest.layers ?? []), ...(layer ? [layer.descriptor] : [])],
  }
  const descriptor = await store.putJson(mediaTypes.manifest, manifest)
  for (const name of options.names) await store.setName(fullImageName(name), descriptor)
  return descriptor
}

async function readImage(store: ImageStore, name: string): Promise<{ manifest: OciManifest; config: OciConfig }> {
  const descriptor = await store.resolve(fullImageName(name))
  if (!descriptor) {
    throw new LadyaError(`the base image ${fullImageName(name)} is not in the store`, {
      hint: "see what is there: ladya image ls; start from nothing: --base none",
    })
  }
  const manifest = JSON.parse((await store.readBlob(descriptor.digest)).toString()) as OciManifest
  if (manifest.config === undefined) throw new LadyaError(`${name} is made for several platforms: use one of them`)
  const config = JSON.parse((await store.readBlob(manifest.config.digest)).toString()) as OciConfig
  return { manifest, config }
}
