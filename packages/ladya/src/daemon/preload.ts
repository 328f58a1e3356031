import type { ImageService } from "@ladya/cri"
import { type Clock, type Component, errorMessage, type Logger, sleep } from "@ladya/util"

export interface PreloaderDeps {
  images: Pick<ImageService, "status" | "pull">
  names: readonly string[]
  clock: Clock
  log: Logger
}

const retryMs = 2000

/** Pulls images that the node has not got yet, in the background, until it has them. */
export function newPreloader(deps: PreloaderDeps): Component {
  const { images, names, clock, log } = deps
  const stopping = new AbortController()
  const { signal } = stopping
  let running: Promise<void> = Promise.resolve()
  const load = async (name: string): Promise<void> => {
    while (!signal.aborted) {
      try {
        if (!(await images.status(name, { signal }))) await images.pull(name, { signal })
        return
      } catch (error) {
        if (signal.aborted) return
        log.warn("cannot preload an image; trying again", { image: name, error: errorMessage(error) })
        await sleep(clock, retryMs, signal).catch(() => undefined)
      }
    }
  }
  return {
    name: "preload",
    start: async () => {
      running = names.reduce((before, name) => before.then(() => load(name)), Promise.resolve())
    },
    stop: async () => {
      stopping.abort()
      await running
    },
  }
}
