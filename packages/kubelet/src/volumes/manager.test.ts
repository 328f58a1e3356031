import assert from "node:assert/strict"
import { existsSync } from "node:fs"
import { mkdir, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { type TestContext, test } from "node:test"
import { type authenticationv1, type corev1, refs } from "@ladya/api"
import type { KubeObject } from "@ladya/apimachinery"
import { type ApiCall, type Client, MemoryTransport, newClient } from "@ladya/client"
import { FakeClock, newRandom, silentLogger, systemClock, waitFor } from "@ladya/util"
import { bindMount, mountsAtOrBelow } from "./mounts.ts"
import { newVolumes } from "./new-volume-manager.ts"
import { podWith, temporaryDirectory } from "./testing/contract.ts"
import { configMap, secret } from "./testing/objects.ts"
import { type VolumeFailure, VolumeMountError } from "./types.ts"

/** Answers token requests with `token-<n>`, good for an hour. */
class TokenTransport extends MemoryTransport {
  issued = 0
  readonly clock: FakeClock

  constructor(clock: FakeClock) {
    super(clock)
    this.clock = clock
  }

  override async call(call: ApiCall, signal?: AbortSignal): Promise<KubeObject> {
    const answer = await super.call(call, signal)
    if (call.verb !== "create" || call.subresource !== "token") return answer
    const expires = new Date(this.clock.now() + 3600_000).toISOString()
    const status = { token: `token-${++this.issued}`, expirationTimestamp: expires }
    return { ...(answer as authenticationv1.TokenRequest), status } as KubeObject
  }
}

async function prepare(context: TestContext) {
  const root = await temporaryDirectory(context)
  const clock = new FakeClock()
  const transport = new TokenTransport(clock)
  const client: Client = newClient(transport)
  const retried: string[] = []
  const failures: VolumeFailure[] = []
  const start = () =>
    newVolumes({
      root,
      client,
      clock,
      random: newRandom(1),
      log: silentLogger,
      allocatable: () => ({ cpu: "2", memory: "1Gi" }),
      retry: (podUid) => retried.push(podUid),
      refreshFailed: (_pod, failure) => failures.push(failure),
    }).manager
  const manager = start()
  context.after(() => manager.stop())
  return { root, clock, transport, client, retried, failures, manager, start }
}

const uid = (pod: corev1.Pod): string => pod.metadata.uid ?? ""

/** The file system takes real time, the rest runs on the fake clock. */
function eventually(description: string, condition: () => boolean | Promise<boolean>): Promise<boolean> {
  return waitFor(systemClock, condition, { description, timeoutMs: 60_000, intervalMs: 5 })
}

const hasText = (path: string, text: string) => async () => (await readFile(path, "utf8")) === text

test("mount gives the path of every volume that a container uses", async (context) => {
  const { root, client, manager } = await prepare(context)
  await client.resource(refs.configmaps).create(configMap("settings", { a: "1" }))
  const pod = podWith([
    { name: "config", configMap: { name: "settings" } },
    { name: "scratch", emptyDir: {} },
    { name: "host", hostPath: { path: root } },
  ])
  pod.spec?.volumes?.push({ name: "unused", configMap: { name: "not there" } })
  const paths = await manager.mount(pod)
  const volumes = join(root, "pods", uid(pod), "volumes")
  assert.deepEqual(
    new Map([...paths].sort()),
    new Map([
      ["config", join(volumes, "kubernetes.io~configmap/config")],
      ["host", root],
      ["scratch", join(volumes, "kubernetes.io~empty-dir/scratch")],
    ]),
  )
  assert.deepEqual(new Map([...(await manager.mount(pod))].sort()), new Map([...paths].sort()))
})

test("a ConfigMap that is missing fails the mount, and asks for another try when it comes", async (context) => {
  const { client, manager, retried } = await prepare(context)
  const pod = podWith([
    { name: "config", configMap: { name: "late" } },
    { name: "login", secret: { secretName: "later" } },
  ])
  await assert.rejects(manager.mount(pod), (error: unknown) => {
    assert.ok(error instanceof VolumeMountError)
    assert.deepEqual(error.failures.map((failure) => failure.message).sort(), [
      'MountVolume.SetUp failed for volume "config" : configmap "late" not found',
      'MountVolume.SetUp failed for volume "login" : secret "later" not found',
    ])
    return true
  })
  await client.resource(refs.configmaps).create(configMap("late", { a: "1" }))
  await client.resource(refs.secrets).create(secret("later", { b: "2" }))
  await eventually("two retries", () => retried.length === 2)
  assert.equal((await manager.mount(pod)).size, 2)
})

test("changes of ConfigMaps, Secrets and labels reach the files", async (context) => {
  const { client, manager } = await prepare(context)
  const configmaps = client.resource(refs.configmaps)
  const first = await configmaps.create(configMap("settings", { a: "1" }))
  const pod = podWith([
    { name: "config", configMap: { name: "settings" } },
    {
      name: "self",
      downwardAPI: { items: [{ path: "labels", fieldRef: { fieldPath: "metadata.labels" } }] },
    },
  ])
  const paths = await manager.mount(pod)
  await configmaps.update({ ...first, data: { a: "2" } })
  await eventually("the new content", hasText(join(paths.get("config") ?? "", "a"), "2"))
  manager.update({ ...pod, metadata: { ...pod.metadata, labels: { app: "web", tier: "front" } } })
  await eventually("the new labels", hasText(join(paths.get("self") ?? "", "labels"), 'app="web"\ntier="front"'))
})

test("an immutable ConfigMap is read once and not watched", async (context) => {
  const { client, manager, transport } = await prepare(context)
  const configmaps = client.resource(refs.configmaps)
  const first = await configmaps.create({ ...configMap("fixed", { a: "1" }), immutable: true })
  const pod = podWith([{ name: "config", configMap: { name: "fixed" } }])
  const paths = await manager.mount(pod)
  await configmaps.update({ ...first, data: { a: "2" } })
  transport.disconnect()
  await manager.mount(pod)
  assert.equal(await readFile(join(paths.get("config") ?? "", "a"), "utf8"), "1")
  assert.equal(transport.calls.filter((call) => call.verb === "list").length, 1)
})

test("a ConfigMap that goes leaves the files and is reported", async (context) => {
  const { client, manager, failures } = await prepare(context)
  await client.resource(refs.configmaps).create(configMap("settings", { a: "1" }))
  const pod = podWith([{ name: "config", configMap: { name: "settings" } }])
  const paths = await manager.mount(pod)
  await client.resource(refs.configmaps).delete("settings", { namespace: "default" })
  await eventually("a failure", () => failures.length > 0)
  assert.equal(failures[0]?.message, 'MountVolume.SetUp failed for volume "config" : configmap "settings" not found')
  assert.equal(await readFile(join(paths.get("config") ?? "", "a"), "utf8"), "1")
})

test("a token is renewed at 80 % of its life", async (context) => {
  const { clock, manager, transport } = await prepare(context)
  const pod = podWith([{ name: "api", projected: { sources: [{ serviceAccountToken: { path: "token" } }] } }])
  const paths = await manager.mount(pod)
  const file = join(paths.get("api") ?? "", "token")
  assert.equal(await readFile(file, "utf8"), "token-1")
  await clock.advance(3600_000 * 0.8 - 11_000)
  assert.equal(transport.issued, 1)
  await clock.advance(11_000)
  await eventually("the next token", hasText(file, "token-2"))
  const [request] = transport.calls.filter((call) => call.verb === "create")
  assert.deepEqual((request as { object: authenticationv1.TokenRequest }).object.spec, {
    audiences: [],
    expirationSeconds: 3600,
    boundObjectRef: { apiVersion: "v1", kind: "Pod", name: "web", uid: uid(pod) },
  })
})

test("a token that cannot be renewed is tried again and serves on meanwhile", async (context) => {
  const { clock, manager, transport } = await prepare(context)
  const pod = podWith([{ name: "api", projected: { sources: [{ serviceAccountToken: { path: "token" } }] } }])
  const file = join((await manager.mount(pod)).get("api") ?? "", "token")
  let refused = 0
  transport.intercept = (call) => {
    if (call.verb !== "create") return
    refused++
    throw new Error("connection refused")
  }
  await clock.advance(3600_000 * 0.8)
  await eventually("a refusal", () => refused > 0)
  assert.equal(await readFile(file, "utf8"), "token-1")
  transport.intercept = undefined
  await eventually("the next token", async () => {
    await clock.advance(1000)
    return hasText(file, "token-2")()
  })
})

test("unmount works after a restart and stops all watches", async (context) => {
  const { root, client, manager, start } = await prepare(context)
  await client.resource(refs.secrets).create(secret("login", { a: "1" }))
  const pod = podWith([
    { name: "login", secret: { secretName: "login" } },
    { name: "scratch", emptyDir: { medium: "Memory" } },
  ])
  const paths = await manager.mount(pod)
  await manager.prepareSubPath({
    podUid: uid(pod),
    volumeName: "scratch",
    containerName: "main",
    mountIndex: 1,
    hostPath: paths.get("scratch") ?? "",
    subPath: "part",
  })
  assert.equal((await mountsAtOrBelow(root)).length, 3)
  manager.stop()
  const restarted = start()
  context.after(() => restarted.stop())
  await restarted.unmount(uid(pod))
  await restarted.unmount(uid(pod))
  assert.deepEqual(await mountsAtOrBelow(root), [])
  assert.equal(existsSync(join(root, "pods", uid(pod), "volumes")), false)
})

test("orphans are removed, and never through a mount of the host's files", async (context) => {
  const { root, manager } = await prepare(context)
  const pod = podWith([{ name: "scratch", emptyDir: { medium: "Memory" } }])
  await manager.mount(pod)
  const data = join(root, "host-data")
  await mkdir(data)
  await writeFile(join(data, "precious"), "kept")
  const bound = join(root, "pods/gone/volumes/kubernetes.io~local-volume/data")
  await mkdir(bound, { recursive: true })
  await bindMount(data, bound)
  assert.deepEqual(await manager.removeOrphans(new Set([uid(pod)])), ["gone"])
  assert.equal(existsSync(join(root, "pods/gone")), false)
  assert.equal(await readFile(join(data, "precious"), "utf8"), "kept")
  assert.deepEqual(await manager.removeOrphans(new Set()), [uid(pod)])
  assert.deepEqual(await mountsAtOrBelow(root), [])
})

test("a uid that is a path is refused", async (context) => {
  const { manager } = await prepare(context)
  await assert.rejects(manager.unmount("../../etc"), /invalid pod uid/)
})
