import { statfs } from "node:fs/promises"
import type { CriClient, Image } from "@ladya/cri"
import { type Clock, type Component, errorMessage, type Logger, Mutex, sleep } from "@ladya/util"

/** When images are removed, and how many. */
export interface ImageGcPolicy {
  /** Used part of the disk, in percent, above which unused images go. */
  highPercent: number
  /** What it is brought down to. */
  lowPercent: number
  /** An image this young may be about to be used; milliseconds. */
  minAgeMs: number
}

export const defaultImageGcPolicy: ImageGcPolicy = { highPercent: 85, lowPercent: 80, minAgeMs: 2 * 60_000 }

/** Since when an image is known, and when a container last used it; milliseconds on the monotonic clock. */
export interface ImageHistory {
  firstSeenMs: number
  lastUsedMs: number
}

export interface DiskUse {
  capacityBytes: number
  availableBytes: number
}

/** How many bytes to free: none below the high mark, down to the low mark above it. */
export function planBytesToFree(disk: DiskUse, policy: ImageGcPolicy): number {
  if (disk.capacityBytes <= 0) return 0
  const usedPercent = ((disk.capacityBytes - disk.availableBytes) * 100) / disk.capacityBytes
  if (usedPercent < policy.highPercent) return 0
  return Math.ceil((disk.capacityBytes * (100 - policy.lowPercent)) / 100) - disk.availableBytes
}

/** The images that may be removed, in the order to remove them: the longest unused first, then the longest known. */
export function planRemovals(
  images: readonly Image[],
  options: {
    inUse: ReadonlySet<string>
    history: ReadonlyMap<string, ImageHistory>
    /** Images known since after this stay. */
    knownBeforeMs: number
    kept: ReadonlySet<string>
  },
): Image[] {
  const { inUse, history, kept } = options
  const namesOf = (image: Image): string[] => [image.id, ...image.repoTags, ...image.repoDigests]
  const of = (image: Image): ImageHistory => history.get(image.id) ?? { firstSeenMs: 0, lastUsedMs: 0 }
  return images
    .filter((image) => !image.pinned && !namesOf(image).some((name) => inUse.has(name) || kept.has(name)))
    .filter((image) => of(image).firstSeenMs <= options.knownBeforeMs)
    .sort((a, b) => of(a).lastUsedMs - of(b).lastUsedMs || of(a).firstSeenMs - of(b).firstSeenMs)
}

export interface ImageCollectorDeps {
  cri: {
    runtime: Pick<CriClient["runtime"], "listContainers" | "status">
    images: Pick<CriClient["images"], "list" | "remove" | "fsInfo">
  }
  clock: Clock
  log: Logger
  policy?: ImageGcPolicy
  /** An event about the Node. */
  event(type: "Normal" | "Warning", reason: string, message: string): void
  /** Use of the file system that a path is on; the kernel's answer unless told. */
  disk?: (path: string) => Promise<DiskUse>
}

/** Removes images that no container uses when the disk fills up. */
export interface ImageCollector extends Component {
  /** Looks at the disk now and frees what is due; returns the bytes that were freed. */
  collect(): Promise<number>
  /** Removes every unused image, however young: the disk is short. */
  removeUnused(): Promise<number>
  /** A path on the file system that holds the images. */
  path(): Promise<string>
}

const periodMs = 5 * 60_000

async function diskOf(path: string): Promise<DiskUse> {
  const { bsize, blocks, bavail } = await statfs(path)
  return { capacityBytes: bsize * blocks, availableBytes: bsize * bavail }
}

export function newImageCollector(deps: ImageCollectorDeps): ImageCollector {
  const { cri, clock, log } = deps
  const policy = deps.policy ?? defaultImageGcPolicy
  const disk = deps.disk ?? diskOf
  const history = new Map<string, ImageHistory>()
  const stop = new AbortController()
  const turns = new Mutex()
  let running: Promise<void> | undefined

  /** The runtime makes every sandbox of this image, and would have to fetch it again. */
  const sandboxImages = async (): Promise<Set<string>> => {
    const { info } = await cri.runtime.status({ verbose: true })
    const { sandboxImage } = JSON.parse(info["config"] ?? "{}") as { sandboxImage?: string }
    return new Set(sandboxImage ? [sandboxImage] : [])
  }

  const imageDirectory = async (): Promise<string> => (await cri.images.fsInfo())[0]?.mountpoint ?? "/"

  /** What there is and what of it is used, noted in the history. */
  const observe = async (): Promise<{ images: Image[]; inUse: Set<string> }> => {
    const [images, containers] = await Promise.all([cri.images.list(), cri.runtime.listContainers()])
    const inUse = new Set(containers.flatMap(({ image, imageRef }) => [image, imageRef]).filter(Boolean))
    const now = clock.monotonic()
    const there = new Set(images.map(({ id }) => id))
    for (const id of history.keys()) if (!there.has(id)) history.delete(id)
    for (const image of images) {
      const known = history.get(image.id) ?? { firstSeenMs: now, lastUsedMs: 0 }
      const used = [image.id, ...image.repoTags, ...image.repoDigests].some((name) => inUse.has(name))
      history.set(image.id, used ? { ...known, lastUsedMs: now } : known)
    }
    return { images, inUse }
  }

  const free = async (bytes: number, minAgeMs: number): Promise<number> => {
    const { images, inUse } = await observe()
    const knownBeforeMs = clock.monotonic() - minAgeMs
    let freed = 0
    for (const image of planRemovals(images, { inUse, history, knownBeforeMs, kept: await sandboxImages() })) {
      if (freed >= bytes) break
      try {
        await cri.images.remove(image.id)
        freed += image.sizeBytes
        log.info("removed an unused image", { image: image.repoTags[0] ?? image.id, sizeBytes: image.sizeBytes })
      } catch (error) {
        log.warn("an unused image could not be removed", { image: image.id, error: errorMessage(error) })
      }
    }
    return freed
  }

  const collect = (): Promise<number> =>
    turns.run(async () => {
      const use = await disk(await imageDirectory())
      if (use.capacityBytes === 0)
        deps.event("Warning", "InvalidDiskCapacity", "invalid capacity 0 on image filesystem")
      const bytes = planBytesToFree(use, policy)
      if (bytes <= 0) {
        await observe()
        return 0
      }
      const freed = await free(bytes, policy.minAgeMs)
      if (freed < bytes) {
        const message = `Failed to garbage collect required amount of images. Attempted to free ${bytes} bytes, but only found ${freed} bytes eligible to free.`
        deps.event("Warning", "FreeDiskSpaceFailed", message)
        log.warn("the disk is nearly full and too few images are unused", { bytes, freed })
      }
      return freed
    })

  const loop = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      await sleep(clock, periodMs, stop.signal).catch(() => undefined)
      if (stop.signal.aborted) return
      await collect().catch((error: unknown) => {
        deps.event("Warning", "ImageGCFailed", errorMessage(error))
        log.warn("unused images could not be looked for", { error: errorMessage(error) })
      })
    }
  }

  return {
    name: "image collector",
    async start() {
      running = loop()
    },
    async stop() {
      stop.abort()
      await running
    },
    collect,
    removeUnused: () => turns.run(() => free(Number.POSITIVE_INFINITY, 0)),
    path: imageDirectory,
  }
}
