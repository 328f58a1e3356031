/** An image as the runtime lists it. */
export interface RuntimeImage {
  id: string
  repoTags: readonly string[]
  repoDigests: readonly string[]
  sizeBytes: number
  /** Never collected (the pause image). */
  pinned: boolean
}

/** What image garbage collection needs of the runtime. */
export interface ImageRuntime {
  listImages(signal?: AbortSignal): Promise<readonly RuntimeImage[]>
  removeImage(id: string, signal?: AbortSignal): Promise<void>
  /** Image ids or references of all containers, running or not. */
  imagesInUse(signal?: AbortSignal): Promise<ReadonlySet<string>>
  /** The directory whose file system holds the images. */
  imageFsPath(): Promise<string>
}
