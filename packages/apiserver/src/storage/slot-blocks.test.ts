import assert from "node:assert/strict"
import { test } from "node:test"
import { type corev1, type KindDefinition, kindByResource, schemaSource } from "@ladya/api"
import { readProtobuf } from "@ladya/apimachinery"
import { newRandom } from "@ladya/util"
import { Entry } from "./entry.ts"
import { newStoredShape } from "./shape.ts"
import { type ListForm, type Slot, SlotBlocks } from "./slot-blocks.ts"

const kind = kindByResource({ group: "", version: "v1", resource: "configmaps" }) as KindDefinition
const shape = newStoredShape(kind)

function entryOf(key: string, revision: number): Entry {
  const [namespace, name] = key.split("/") as [string, string]
  const value = shape.encode({ apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace } })
  return new Entry(shape, key, value, revision)
}

function itemsOf(bytes: Buffer, form: ListForm): { metadata: Record<string, string> }[] {
  if (form === "json") return JSON.parse(`[${bytes.toString().slice(1)}]`)
  const list = readProtobuf(bytes, "io.k8s.api.core.v1.ConfigMapList", schemaSource) as { items?: corev1.ConfigMap[] }
  return (list.items ?? []) as never
}

test("blocks hold what a sorted list holds, through thousands of random changes (seed 7)", () => {
  const random = newRandom(7)
  const blocks = new SlotBlocks()
  const model = new Map<string, { slot: Slot; revision: number }>()
  const expected = (prefix: string, from: string) =>
    [...model.keys()].filter((key) => key.startsWith(prefix) && key >= from).sort()
  for (let revision = 1; revision <= 4000; revision++) {
    const key = `${random() < 0.5 ? "a" : "b"}/k${Math.floor(random() * 600)}`
    const known = model.get(key)
    if (!known) model.set(key, { slot: blocks.add(key, entryOf(key, revision)), revision })
    else if (random() < 0.5) {
      blocks.remove(known.slot)
      model.delete(key)
    } else {
      blocks.replace(known.slot, entryOf(key, revision))
      known.revision = revision
    }
    if (revision % 50 !== 0) continue
    if (random() < 0.2) blocks.trim()
    const prefix = ["", "a/", "b/"][Math.floor(random() * 3)] as string
    const start = random() < 0.5 ? prefix : `${prefix || "a/"}k${Math.floor(random() * 600)}`
    const want = expected(prefix, start)
    assert.deepEqual(
      [...blocks.scan(start, prefix)].map((slot) => slot.key),
      want,
    )
    const limit = random() < 0.5 ? undefined : 1 + Math.floor(random() * 300)
    const form = random() < 0.5 ? "json" : "protobuf"
    const range = blocks.encode({ from: start, prefix, limit, form })
    const items = itemsOf(Buffer.concat(range.chunks), form)
    const shown = want.slice(0, limit)
    assert.deepEqual(
      items.map(({ metadata }) => `${metadata["namespace"]}/${metadata["name"]}`),
      shown,
    )
    assert.deepEqual(
      items.map(({ metadata }) => Number(metadata["resourceVersion"])),
      shown.map((one) => model.get(one)?.revision),
    )
    assert.equal(range.count, shown.length)
    assert.equal(range.remaining, want.length - shown.length)
    assert.equal(range.last, range.remaining > 0 ? shown.at(-1) : undefined)
  }
})
