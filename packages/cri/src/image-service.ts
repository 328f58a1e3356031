import type { Channel } from "./channel.ts"
import type { CallOptions, ImageService } from "./client.ts"
import { decodeFilesystemUsage, decodeImage, type RawFilesystemUsage, type RawImage } from "./decode.ts"
import type { StringMap } from "./types.ts"

/** The image half of the interface over a channel. `timeoutMs` is the deadline of ordinary calls; pulls have none. */
export function newImageService(channel: Channel, timeoutMs: number): ImageService {
  const call = async <R>(method: string, request: object, options: CallOptions = {}, limitMs = timeoutMs): Promise<R> =>
    (await channel.unary(method, request, {
      ...(options.signal ? { signal: options.signal } : {}),
      timeoutMs: options.timeoutMs ?? limitMs,
    })) as R

  return {
    async list(options) {
      const filter = options?.image ? { image: { image: options.image } } : {}
      const raw = await call<{ images: RawImage[] }>("ListImages", { filter }, options)
      return raw.images.map((image) => decodeImage(image, {}))
    },
    async status(image, options) {
      const request = { image: { image }, verbose: options?.verbose ?? false }
      const raw = await call<{ image: RawImage | null; info: StringMap }>("ImageStatus", request, options)
      return raw.image ? decodeImage(raw.image, raw.info) : undefined
    },
    async pull(image, options) {
      const request = {
        image: typeof image === "string" ? { image } : image,
        ...(options?.auth ? { auth: options.auth } : {}),
        ...(options?.sandboxConfig ? { sandboxConfig: options.sandboxConfig } : {}),
      }
      return (await call<{ imageRef: string }>("PullImage", request, options, 0)).imageRef
    },
    async remove(image, options) {
      await call("RemoveImage", { image: { image } }, options)
    },
    async fsInfo(options) {
      const raw = await call<{ imageFilesystems: RawFilesystemUsage[] }>("ImageFsInfo", {}, options)
      return raw.imageFilesystems.map(decodeFilesystemUsage)
    },
  }
}
