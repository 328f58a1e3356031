import assert from "node:assert/strict"
import { test } from "node:test"
import { type KindDefinition, kindByResource } from "@ladya/api"
import { newRandom } from "@ladya/util"
import { Entry } from "./entry.ts"
import { newStoredShape } from "./shape.ts"
import { type Slot, SlotBlocks } from "./slot-blocks.ts"
import { ValueIndex } from "./value-index.ts"

const kind = kindByResource({ group: "", version: "v1", resource: "configmaps" }) as KindDefinition
const shape = newStoredShape(kind)

function entryOf(key: string, revision: number, color: string): Entry {
  const [namespace, name] = key.split("/") as [string, string]
  const metadata = { name, namespace, ...(color ? { labels: { color } } : {}) }
  return new Entry(shape, key, shape.encode({ apiVersion: "v1", kind: "ConfigMap", metadata }), revision)
}

test("an index has the slots and the bytes of each value, through thousands of random changes (seed 11)", () => {
  const random = newRandom(11)
  const blocks = new SlotBlocks()
  const index = new ValueIndex((entry) => entry.object.metadata.labels?.["color"])
  const slots = new Map<string, Slot>()
  const colors = ["", "red", "green", "blue"]
  for (let revision = 1; revision <= 3000; revision++) {
    const key = `${random() < 0.5 ? "a" : "b"}/k${Math.floor(random() * 60)}`
    const slot = slots.get(key)
    const entry = entryOf(key, revision, colors[Math.floor(random() * colors.length)] as string)
    if (!slot) {
      const added = blocks.add(key, entry)
      slots.set(key, added)
      index.add(added)
    } else if (random() < 0.3) {
      index.remove(slot)
      blocks.remove(slot)
      slots.delete(key)
    } else {
      const previous = slot.entry
      blocks.replace(slot, entry)
      index.change(slot, previous)
    }
    if (random() < 0.1) index.trim()
    const color = colors[1 + (revision % 3)] as string
    const prefix = ["", "a/", "b/"][Math.floor(random() * 3)] as string
    const wanted = [...slots.values()]
      .filter(({ key: at, entry: { object } }) => at.startsWith(prefix) && object.metadata.labels?.["color"] === color)
      .sort((x, y) => (x.key < y.key ? -1 : 1))
    assert.equal(
      String(index.encode(color, prefix, "json") ?? ""),
      wanted.map((one) => `,${one.entry.wire()}`).join(""),
    )
    if (prefix === "") assert.deepEqual(index.lookup([color]), wanted)
  }
})
