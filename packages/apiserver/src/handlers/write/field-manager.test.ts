import assert from "node:assert/strict"
import { test } from "node:test"
import { kinds } from "@ladya/api"
import { type FieldType, type KubeObject, type OwnershipContext, recordUpdate } from "@ladya/apimachinery"
import { newRandom, type Random } from "@ladya/util"
import { fieldTypeOfKind } from "./field-manager.ts"

const perKind = Number(process.env["RUNS"] ?? 60)

/** A value as a client might send it: mostly of the type, often sparse, sometimes empty or null. */
function sent(type: FieldType, random: Random, depth: number): unknown {
  const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)] as T
  if (random() < 0.06) return pick([null, {}, [], "", 0, "odd"])
  switch (type.kind) {
    case "scalar":
      return pick<unknown>(["", "x", "y", 0, 1, true, false])
    case "deduced":
      return depth > 6 ? "x" : pick<unknown>(["x", { a: 1 }, { a: { b: "" } }, [1, 2], {}])
    case "map":
      return Object.fromEntries(
        ["a", "b", "1:c{"].filter(() => random() < 0.4).map((name) => [name, sent(type.values, random, depth + 1)]),
      )
    case "list":
      return Array.from({ length: Math.floor(random() * 3) }, () => {
        const item = sent(type.items, random, depth + 1)
        if (type.relation !== "map" || typeof item !== "object" || item === null || Array.isArray(item)) return item
        for (const { name } of type.keys) if (random() < 0.9) Object.assign(item, { [name]: pick(["k1", "k2"]) })
        return item
      })
    case "struct": {
      const out: Record<string, unknown> = {}
      const chance = depth === 0 ? 0.9 : depth > 5 ? 0.05 : 0.3
      for (const [name, field] of type.fields) {
        if (random() < chance) out[name] = sent(field.type, random, depth + 1)
        else if (random() < 0.02) out[name] = undefined
      }
      return out
    }
  }
}

for (const [index, kind] of kinds.entries()) {
  test(`${kind.group || "core"}/${kind.version} ${kind.kind}: what is remembered of new objects is what comparing says (seed ${index})`, () => {
    const random = newRandom(index)
    const type = fieldTypeOfKind(kind)
    const shared = new Set(["status"])
    const contextOf = (ignored: ReadonlySet<string>): OwnershipContext => ({
      apiVersion: `${kind.group}/${kind.version}`,
      kind: kind.kind,
      type,
      subresource: "",
      ignored,
      now: () => "2026-01-01T00:00:00Z",
    })
    for (let run = 0; run < perKind; run++) {
      const value = sent(type, random, 0)
      const fields = typeof value === "object" && !Array.isArray(value) ? value : {}
      const object = { ...fields, apiVersion: "v1", kind: kind.kind, metadata: { name: "n" } } as KubeObject
      // Nothing is remembered for a set of its own.
      const want = recordUpdate(contextOf(new Set(["status"])), undefined, object, "m")
      assert.deepEqual(recordUpdate(contextOf(shared), undefined, object, "m"), want, JSON.stringify(object))
      assert.deepEqual(recordUpdate(contextOf(shared), undefined, object, "m"), want, JSON.stringify(object))
    }
  })
}
