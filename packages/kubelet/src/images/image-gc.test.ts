import assert from "node:assert/strict"
import { test } from "node:test"
import type { Container, Image } from "@ladya/cri"
import { FakeClock, silentLogger } from "@ladya/util"
import { defaultImageGcPolicy, newImageCollector, planBytesToFree } from "./image-gc.ts"

const bytes: { name: string; available: number; want: number }[] = [
  { name: "plenty of room", available: 500, want: 0 },
  { name: "just below the high mark", available: 151, want: 0 },
  { name: "at the high mark: down to the low one", available: 150, want: 50 },
  { name: "full", available: 0, want: 200 },
]

for (const { name, available, want } of bytes) {
  test(name, () => {
    assert.equal(planBytesToFree({ capacityBytes: 1000, availableBytes: available }, defaultImageGcPolicy), want)
  })
}

const image = (id: string, sizeBytes: number, more: Partial<Image> = {}): Image => ({
  id,
  repoTags: [`docker.io/library/${id}:1`],
  repoDigests: [],
  sizeBytes,
  uid: undefined,
  username: "",
  pinned: false,
  info: {},
  ...more,
})

function prepare(available: number) {
  const self = { available }
  const clock = new FakeClock()
  let images = [
    image("old", 30),
    image("newer", 30),
    image("used", 30),
    image("pause", 1),
    image("pinned", 5, { pinned: true }),
  ]
  let used = ["old", "newer", "used"]
  const events: string[] = []
  const collector = newImageCollector({
    cri: {
      runtime: {
        listContainers: async () => used.map((id) => ({ image: id, imageRef: id }) as Container),
        status: async () => ({
          conditions: [],
          handlers: [],
          info: { config: JSON.stringify({ sandboxImage: "docker.io/library/pause:1" }) },
        }),
      },
      images: {
        list: async () => images,
        remove: async (id) => {
          images = images.filter((candidate) => candidate.id !== id)
        },
        fsInfo: async () => [{ timestampMs: 0, mountpoint: "/images", usedBytes: 0, inodesUsed: 0 }],
      },
    },
    clock,
    log: silentLogger,
    event: (_type, reason) => events.push(reason),
    disk: async () => ({ capacityBytes: 1000, availableBytes: self.available }),
  })
  return Object.assign(self, {
    clock,
    collector,
    events,
    left: () => images.map(({ id }) => id),
    use: (...ids: string[]) => {
      used = ids
    },
  })
}

test("the longest unused image goes first, and only as many as are needed", async () => {
  const disk = prepare(999)
  const { clock, collector, left, use, events } = disk
  await collector.collect()
  use("newer", "used")
  await clock.advance(60_000)
  await collector.collect()
  use("used")
  await clock.advance(180_000)
  disk.available = 150
  assert.equal(await collector.collect(), 60)
  assert.deepEqual(left(), ["used", "pause", "pinned"])
  disk.available = 190
  use()
  assert.equal(await collector.collect(), 0)
  assert.deepEqual(events, [])
})

test("an image that has only come is left alone, and it is told that too little was found", async () => {
  const { collector, left, use, events } = prepare(100)
  use()
  assert.equal(await collector.collect(), 0)
  assert.equal(left().length, 5)
  assert.deepEqual(events, ["FreeDiskSpaceFailed"])
})

test("when the disk is short every unused image goes", async () => {
  const { collector, left, use } = prepare(500)
  use("used")
  assert.equal(await collector.removeUnused(), 60)
  assert.deepEqual(left(), ["used", "pause", "pinned"])
})
