import assert from "node:assert/strict"
import { test } from "node:test"
import { CriError, type Image, type ImageService } from "@ladya/cri"
import { FakeClock } from "@ladya/util"
import { newGate } from "./gate.ts"
import { durationText, ImageError, newImagePuller } from "./image-puller.ts"

const never = new AbortController().signal

function setUp() {
  const clock = new FakeClock()
  const present = new Map<string, Image>()
  const state = { pulls: 0, error: undefined as Error | undefined, events: [] as string[] }
  const image: Image = {
    id: "sha256:1",
    repoTags: [],
    repoDigests: [],
    sizeBytes: 42,
    uid: undefined,
    username: "",
    pinned: false,
    info: {},
  }
  const images: ImageService = {
    list: async () => [...present.values()],
    status: async (name) => present.get(name),
    pull: async (name) => {
      state.pulls++
      await Promise.resolve()
      if (state.error) throw state.error
      present.set(String(name), image)
      return image.id
    },
    remove: async () => undefined,
    fsInfo: async () => [],
  }
  const puller = newImagePuller({ images, clock })
  const ensure = async (name: string, policy: string): Promise<string> => {
    try {
      const found = await puller.ensure({
        ...{ image: name, policy, podUid: "u", pullSecrets: [], signal: never },
        sandboxConfig: { metadata: { name: "", uid: "", namespace: "", attempt: 0 } },
        event: (type, reason, message) => state.events.push(`${type} ${reason} ${message}`),
      })
      return found.id
    } catch (error) {
      if (!(error instanceof ImageError)) throw error
      return `${error.reason}: ${error.message}`
    }
  }
  return { clock, present, image, state, ensure }
}

test("policies: what is present is pulled only when always asked for", async () => {
  const { present, image, state, ensure } = setUp()
  assert.equal(
    await ensure("busybox", "Never"),
    'ErrImageNeverPull: Container image "busybox" is not present with pull policy of Never',
  )
  assert.equal(await ensure("busybox", "IfNotPresent"), "sha256:1")
  assert.equal(await ensure("busybox", "IfNotPresent"), "sha256:1")
  assert.equal(state.pulls, 1)
  assert.equal(await ensure("busybox", "Always"), "sha256:1")
  assert.equal(state.pulls, 2)
  present.set("other", image)
  assert.equal(await ensure("other", "Never"), "sha256:1")
  assert.deepEqual(state.events.slice(1, 4), [
    'Normal Pulling Pulling image "busybox"',
    'Normal Pulled Successfully pulled image "busybox" in 0ms (0ms including waiting). Image size: 42 bytes.',
    'Normal Pulled Container image "busybox" already present on machine and can be accessed by the pod',
  ])
})

test("failures back off: 10 s, then twice as long, up to 300 s", async () => {
  const { clock, state, ensure } = setUp()
  state.error = new CriError("NOT_FOUND", "busybox: not found", "PullImage")
  const text = "rpc error: code = NotFound desc = busybox: not found"
  for (const delay of [10, 20, 40, 80, 160, 300, 300]) {
    assert.equal(await ensure("busybox", "Always"), `ErrImagePull: ${text}`)
    await clock.advance(delay * 1000 - 1)
    assert.equal(
      await ensure("busybox", "Always"),
      `ImagePullBackOff: Back-off pulling image "busybox": ErrImagePull: ${text}`,
    )
    await clock.advance(1)
  }
  assert.equal(state.pulls, 7)
  state.error = undefined
  assert.equal(await ensure("busybox", "Always"), "sha256:1")
  state.error = new CriError("UNAVAILABLE", "down", "PullImage")
  assert.match(await ensure("busybox", "Always"), /^ErrImagePull/)
  await clock.advance(10_000)
  assert.match(await ensure("busybox", "Always"), /^ErrImagePull/)
})

test("a name that is none", async () => {
  const { state, ensure } = setUp()
  assert.match(
    await ensure("Not A Name", "Always"),
    /^InvalidImageName: Failed to apply default image tag "Not A Name": couldn't parse image name/,
  )
  assert.equal(state.pulls, 0)
})

test("durations", () => {
  assert.deepEqual([85, 1234, 60_000, 300_000, 3_661_500].map(durationText), [
    "85ms",
    "1.234s",
    "1m0s",
    "5m0s",
    "1h1m1.5s",
  ])
})

test("a gate lets no more in than its limit, in order; who gives up makes room", async () => {
  const gate = newGate(1)
  const order: string[] = []
  const first = Promise.withResolvers<void>()
  const abort = new AbortController()
  const one = gate.run(async () => first.promise.then(() => order.push("one")), never)
  const two = gate.run(async () => order.push("two"), abort.signal)
  const three = gate.run(async () => order.push("three"), never)
  abort.abort(new Error("gave up"))
  await assert.rejects(two, /gave up/)
  first.resolve()
  await Promise.all([one, three])
  assert.deepEqual(order, ["one", "three"])
})
