import assert from "node:assert/strict"
import { existsSync } from "node:fs"
import { mkdtemp, readdir, readFile, realpath, rm, stat, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type TestContext, test } from "node:test"
import type { corev1 } from "@ladya/api"
import { mountsAtOrBelow, unmountAll } from "../mounts.ts"
import type { VolumePlugin } from "../plugin.ts"
import { newPodDirectories } from "../pod-directories.ts"

/** A directory for one test, with everything mounted below it gone at its end. */
export async function temporaryDirectory(context: TestContext): Promise<string> {
  const directory = await realpath(await mkdtemp(join(tmpdir(), "ladya-volumes-")))
  context.after(async () => {
    await unmountAll(directory)
    await rm(directory, { recursive: true, force: true })
  })
  return directory
}

/** A pod that mounts these volumes in its one container. */
export function podWith(volumes: readonly corev1.Volume[], changes: Partial<corev1.PodSpec> = {}): corev1.Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      namespace: "default",
      name: "web",
      uid: "0d5b6f0a-7f1e-4f6e-9d39-5c1c3d1a2b3c",
      labels: { app: "web" },
    },
    spec: {
      serviceAccountName: "default",
      containers: [
        {
          name: "main",
          image: "busybox",
          volumeMounts: volumes.map((volume) => ({ name: volume.name, mountPath: `/mnt/${volume.name}` })),
        },
      ],
      volumes: [...volumes],
      ...changes,
    },
  }
}

export interface ContractCase {
  name: string
  /** A new plugin, as after a restart of the process; `directory` is the test's own. */
  newPlugin(directory: string): VolumePlugin
  volume(directory: string): corev1.Volume
  /** Files (relative) with the content they have after setUp. */
  files?: Readonly<Record<string, string>>
  /** Whether containers may leave files in it that a second setUp must keep. */
  keepsFiles: boolean
  /** Whether the volume's data lies outside the pod's directory and outlives tearDown. */
  external: boolean
}

async function content(hostPath: string, files: Readonly<Record<string, string>> = {}): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    assert.equal(await readFile(join(hostPath, path), "utf8"), text, path)
  }
}

/** What every volume plugin must do. Needs root. */
export function volumeContract(contractCase: ContractCase): void {
  const { name, newPlugin } = contractCase
  const signal = AbortSignal.timeout(60_000)

  const prepare = async (context: TestContext) => {
    const root = await temporaryDirectory(context)
    const volume = contractCase.volume(root)
    const pod = podWith([volume])
    const plugin = newPlugin(root)
    const spec = plugin.spec(volume)
    assert.notEqual(spec, undefined, "the plugin must recognise its own volume")
    const directory = newPodDirectories(root).volume(pod.metadata.uid ?? "", plugin.name, volume.name)
    return { root, plugin, directory, request: { pod, volumeName: volume.name, spec, directory } }
  }

  test(`${name}: recognises no other volume`, async (context) => {
    const { plugin } = await prepare(context)
    assert.equal(plugin.spec({ name: "x", csi: { driver: "d" } }), undefined)
    assert.match(plugin.name, /^kubernetes\.io\/[a-z-]+$/)
  })

  test(`${name}: setUp gives a path that is there`, async (context) => {
    const { plugin, request } = await prepare(context)
    const { hostPath } = await plugin.setUp(request, signal)
    assert.ok((await stat(hostPath)).isDirectory())
    await content(hostPath, contractCase.files)
  })

  test(`${name}: setUp again changes nothing, mounts nothing twice and keeps what containers wrote`, async (context) => {
    const { plugin, request, root } = await prepare(context)
    const first = await plugin.setUp(request, signal)
    if (contractCase.keepsFiles) await writeFile(join(first.hostPath, "written"), "kept")
    const before = await mountsAtOrBelow(root)
    const names = await readdir(first.hostPath)
    const second = await plugin.setUp(request, signal)
    assert.equal(second.hostPath, first.hostPath)
    assert.deepEqual(await mountsAtOrBelow(root), before)
    assert.deepEqual(await readdir(second.hostPath), names)
    await content(second.hostPath, contractCase.files)
  })

  test(`${name}: setUp after a restart finds what was set up before it`, async (context) => {
    const { plugin, request, root } = await prepare(context)
    const first = await plugin.setUp(request, signal)
    if (contractCase.keepsFiles) await writeFile(join(first.hostPath, "written"), "kept")
    const before = await mountsAtOrBelow(root)
    const second = await newPlugin(root).setUp(request, signal)
    assert.equal(second.hostPath, first.hostPath)
    assert.deepEqual(await mountsAtOrBelow(root), before)
    if (contractCase.keepsFiles) assert.equal(await readFile(join(second.hostPath, "written"), "utf8"), "kept")
  })

  test(`${name}: tearDown leaves no directory and no mount, and can be repeated`, async (context) => {
    const { plugin, request, directory, root } = await prepare(context)
    const { hostPath } = await plugin.setUp(request, signal)
    if (contractCase.keepsFiles) await writeFile(join(hostPath, "written"), "data")
    await plugin.tearDown(directory)
    await plugin.tearDown(directory)
    assert.equal(existsSync(directory), false)
    assert.deepEqual(await mountsAtOrBelow(root), [])
    if (contractCase.external && contractCase.keepsFiles) {
      const again = await plugin.setUp(request, signal)
      assert.equal(await readFile(join(again.hostPath, "written"), "utf8"), "data", "tearDown must not remove the data")
    }
  })

  test(`${name}: tearDown works after a restart`, async (context) => {
    const { plugin, request, directory, root } = await prepare(context)
    await plugin.setUp(request, signal)
    await newPlugin(root).tearDown(directory)
    assert.equal(existsSync(directory), false)
    assert.deepEqual(await mountsAtOrBelow(root), [])
  })

  test(`${name}: tearDown without setUp does nothing`, async (context) => {
    const { plugin, directory } = await prepare(context)
    await plugin.tearDown(directory)
    assert.equal(existsSync(directory), false)
  })

  test(`${name}: setUp works again after tearDown`, async (context) => {
    const { plugin, request, directory } = await prepare(context)
    await plugin.setUp(request, signal)
    await plugin.tearDown(directory)
    const { hostPath } = await plugin.setUp(request, signal)
    await content(hostPath, contractCase.files)
  })
}
