import { createHash } from "node:crypto"
import { watch } from "node:fs"
import { mkdir, readdir, readFile } from "node:fs/promises"
import { extname, join } from "node:path"
import { kindByResource, refs } from "@ladya/api"
import { type Clock, type Component, errorMessage, type Logger, sleep } from "@ladya/util"
import { parse } from "yaml"
import { type Pod, podUid } from "../pod.ts"

export interface StaticPodsDeps {
  /** Files that end in `.yaml`, `.yml` or `.json` describe one pod each. */
  directory: string
  nodeName: string
  clock: Clock
  log: Logger
  added(pod: Pod): void
  /** Its file is gone, or describes another pod now. */
  removed(pod: Pod): void
  /** How often the directory is read though nobody told of a change; 20 s unless told. */
  intervalMs?: number
}

/** Annotations of a static pod, named as upstream names them. */
const notes = { hash: "kubernetes.io/config.hash", source: "kubernetes.io/config.source" } as const

const isManifest = (name: string): boolean =>
  !name.startsWith(".") && [".yaml", ".yml", ".json"].includes(extname(name))

/** The pod that a manifest describes, as this node runs it. Throws when it describes none. */
export function staticPod(text: string, nodeName: string): Pod {
  const parsed = parse(text) as Partial<Pod> | null
  if (parsed?.kind !== "Pod" || parsed.apiVersion !== "v1") throw new Error("the file does not describe a Pod of v1")
  const { metadata = {}, spec } = parsed
  if (!metadata.name || !spec?.containers?.length) throw new Error("the pod has no name or no containers")
  const uid = createHash("sha256").update(`${nodeName}\n${text}`).digest("hex").slice(0, 32)
  const pod: Pod = {
    ...{ apiVersion: "v1", kind: "Pod" },
    metadata: {
      ...metadata,
      // Nodes of a cluster may run the same manifest.
      name: `${metadata.name}-${nodeName}`,
      namespace: metadata.namespace ?? "default",
      uid,
      annotations: { ...metadata.annotations, [notes.hash]: uid, [notes.source]: "file" },
    },
    spec: {
      ...spec,
      nodeName,
      // Nothing but its file ends it.
      tolerations: [...(spec.tolerations ?? []), { operator: "Exists", effect: "NoExecute" }],
    },
  }
  kindByResource({ group: "", version: "v1", resource: refs.pods.resource })?.behaviour.default?.(pod)
  return pod
}

/** Watches a directory of manifests: pods that run on this node without anybody being asked. */
export function newStaticPods(deps: StaticPodsDeps): Component {
  const { directory, nodeName, clock, log, intervalMs = 20_000 } = deps
  const stopped = new AbortController()
  const known = new Map<string, Pod>()
  let wake = new AbortController()
  let running: Promise<void> | undefined

  async function read(): Promise<Map<string, Pod>> {
    const pods = new Map<string, Pod>()
    for (const name of (await readdir(directory)).filter(isManifest).sort()) {
      try {
        const pod = staticPod(await readFile(join(directory, name), "utf8"), nodeName)
        pods.set(podUid(pod), pod)
      } catch (error) {
        log.warn("a manifest is not understood", { file: join(directory, name), error: errorMessage(error) })
      }
    }
    return pods
  }

  async function sync(): Promise<void> {
    const pods = await read()
    for (const [uid, pod] of known) {
      if (pods.has(uid)) continue
      known.delete(uid)
      deps.removed(pod)
    }
    for (const [uid, pod] of pods) {
      if (known.has(uid)) continue
      known.set(uid, pod)
      deps.added(pod)
    }
  }

  const syncQuietly = (): Promise<void> =>
    sync().catch((error: unknown) => log.warn("manifests cannot be read", { directory, error: errorMessage(error) }))

  async function loop(): Promise<void> {
    while (!stopped.signal.aborted) {
      wake = new AbortController()
      await sleep(clock, intervalMs, AbortSignal.any([wake.signal, stopped.signal])).catch(() => undefined)
      // Whoever writes a file is given the time to finish it.
      if (!stopped.signal.aborted) await sleep(clock, 100, stopped.signal).catch(() => undefined)
      if (!stopped.signal.aborted) await syncQuietly()
    }
  }

  return {
    name: "static pods",
    async start() {
      await mkdir(directory, { recursive: true })
      await syncQuietly()
      watch(directory, { signal: stopped.signal, persistent: false }, () => wake.abort()).on("error", (error) =>
        log.debug("the watch of manifests ended", { error: errorMessage(error) }),
      )
      running = loop()
    },
    async stop() {
      stopped.abort()
      await running
    },
  }
}
