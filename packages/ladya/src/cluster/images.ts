import { newCriClient } from "@ladya/cri"
import { errorMessage } from "@ladya/util"
import { LadyaError } from "../errors.ts"
import { loadArchive } from "../images/archive.ts"
import type { ImageConfig } from "../images/build.ts"
import { ensureBuiltinImages } from "../images/builtin.ts"
import { makeImage } from "../images/make.ts"
import { fullImageName } from "../images/names.ts"
import { ImageStore } from "../images/store.ts"
import { containerdPaths } from "../machine/containerd.ts"
import { ensurePackages } from "../system/debian-packages.ts"
import { detectHost } from "../system/host.ts"
import { isAlive } from "../system/processes.ts"
import { type ClusterPaths, clusterPaths } from "./paths.ts"
import { readState } from "./state.ts"

export interface ListedImage {
  name: string
  digest: string
  sizeBytes: number
}

export interface MakeRequest {
  image: string
  base: string
  debs: readonly string[]
  copies: readonly string[]
  config: ImageConfig
  onStep?: (text: string) => void
}

const storeOf = (paths: ClusterPaths): ImageStore => new ImageStore(paths.images)

/** Loads an archive into the cluster's store and onto every node that runs. Gives the names it held. */
export async function loadImages(cluster: string, file: string): Promise<string[]> {
  const paths = clusterPaths(cluster)
  const names = await loadArchive(storeOf(paths), file)
  await pullOntoNodes(paths, names)
  return names
}

/** Makes an image, and brings it onto every node that runs. Gives its full name. */
export async function makeClusterImage(cluster: string, request: MakeRequest): Promise<string> {
  const paths = clusterPaths(cluster)
  const name = fullImageName(request.image)
  for (const entry of request.config.Env ?? []) {
    if (!/^[^=]+=/.test(entry)) throw new LadyaError(`--env ${entry}: write it as NAME=VALUE`, { exitCode: 2 })
  }
  const store = storeOf(paths)
  const { architecture } = detectHost()
  if (request.base === "busybox" && !(await store.resolve(fullImageName("busybox")))) {
    await ensurePackages()
    await ensureBuiltinImages(store, architecture)
  }
  await makeImage(store, {
    names: [name],
    base: request.base,
    debs: request.debs,
    copies: request.copies,
    config: request.config,
    architecture,
    debCache: paths.debCache,
    ...(request.onStep ? { onStep: request.onStep } : {}),
  })
  request.onStep?.("onto the nodes")
  await pullOntoNodes(paths, [name])
  return name
}

export async function listImages(cluster: string): Promise<ListedImage[]> {
  const store = storeOf(clusterPaths(cluster))
  const listed: ListedImage[] = []
  for (const { name, descriptor } of await store.list()) {
    listed.push({ name, digest: descriptor.digest, sizeBytes: await store.sizeOf(descriptor) })
  }
  return listed
}

export async function removeImages(cluster: string, names: readonly string[]): Promise<string[]> {
  const store = storeOf(clusterPaths(cluster))
  const removed: string[] = []
  for (const name of names.map(fullImageName)) {
    if (!(await store.remove(name))) {
      throw new LadyaError(`there is no image ${name}`, { hint: "see what is there: ladya image ls" })
    }
    removed.push(name)
  }
  return removed
}

/** Has every node that runs pull these images from the mirror now. A cluster that is off gets them when pods ask. */
export async function pullOntoNodes(paths: ClusterPaths, names: readonly string[]): Promise<void> {
  const state = await readState(paths)
  if (!state || !isAlive(state.server)) return
  const running = state.nodes.filter((node) => isAlive(node.processes.containerd))
  await Promise.all(
    running.map(async (node) => {
      const { socket } = containerdPaths(paths.node(node.name).directory)
      try {
        await pullImages(socket, names)
      } catch (error) {
        throw new LadyaError(errorMessage(error), {
          step: `pull onto ${node.name}`,
          log: paths.node(node.name).containerdLog,
        })
      }
    }),
  )
}

/** Pulls images through one containerd. */
export async function pullImages(socket: string, names: readonly string[]): Promise<void> {
  const cri = newCriClient({ socket })
  try {
    for (const name of names) await cri.images.pull(name)
  } finally {
    cri.close()
  }
}
