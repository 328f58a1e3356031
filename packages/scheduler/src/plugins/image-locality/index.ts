import { type StateKey, stateKey } from "../../framework/cycle-state.ts"
import type { PluginHandle } from "../../framework/handle.ts"
import type { Plugin } from "../../framework/plugin.ts"
import { ok, skip } from "../../framework/verdict.ts"

const megabyte = 1024 * 1024
/** Images below this are pulled so quickly that they do not count. */
const minBytes = 23 * megabyte
/** Per container; more than this counts no more. */
const maxBytesPerContainer = 1000 * megabyte

/** The name with which a node reports an image: one without a tag has `:latest`. */
function normalizedImage(name: string): string {
  if (name.lastIndexOf(":") <= name.lastIndexOf("/")) return `${name}:latest`
  return name
}

interface Wanted {
  images: readonly string[]
  containers: number
}

const wantedImages: StateKey<Wanted> = stateKey("ImageLocality")

/** Prefers nodes that have the pod's images, but not so that one node with them draws all pods. */
export function newImageLocality({ cache }: PluginHandle): Plugin {
  return {
    name: "ImageLocality",
    preScore(state, { pod }) {
      const containers = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])]
      const images = containers
        .map(({ image }) => normalizedImage(image ?? ""))
        .filter((image) => cache.nodesWithImage(image) > 0)
      if (images.length === 0) return skip
      state.set(wantedImages, { images, containers: containers.length })
      return ok
    },
    score(state, _, node) {
      const wanted = state.get(wantedImages)
      if (!wanted) return 0
      const total = cache.list.length
      let bytes = 0
      for (const image of wanted.images) {
        const size = node.images.get(image)
        if (size !== undefined) bytes += Math.floor((size * cache.nodesWithImage(image)) / total)
      }
      const max = maxBytesPerContainer * wanted.containers
      const bounded = Math.min(Math.max(bytes, minBytes), max)
      return Math.floor((100 * (bounded - minBytes)) / (max - minBytes))
    },
  }
}
