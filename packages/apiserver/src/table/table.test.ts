import assert from "node:assert/strict"
import { test } from "node:test"
import { kindByGvk, kinds } from "@ladya/api"
import type { KubeObject } from "@ladya/apimachinery"
import { makeTable, type TableInput } from "./make-table.ts"

const now = Date.parse("2024-01-01T01:00:00Z")
const object: KubeObject = {
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "a", namespace: "b", creationTimestamp: "2024-01-01T00:00:00Z" },
}
const input: Omit<TableInput, "kind"> = {
  objects: [object],
  metadata: { resourceVersion: "5" },
  includeObject: "Metadata",
  apiVersion: "meta.k8s.io/v1",
  now,
  withColumns: true,
}

interface Table {
  columnDefinitions: { name: string; priority: number }[]
  rows: { cells: unknown[]; object?: { kind: string } }[]
}

test("a table has a row for each object and a cell for each column", () => {
  const kind = kindByGvk({ group: "", version: "v1", kind: "ConfigMap" })
  assert.ok(kind)
  const table = makeTable({ kind, ...input }) as Table
  assert.equal(table.columnDefinitions[0]?.name, "Name")
  assert.equal(table.rows[0]?.cells[0], "a")
  assert.equal(table.rows[0]?.cells.length, table.columnDefinitions.length)
  assert.equal(table.rows[0]?.object?.kind, "PartialObjectMetadata")
  assert.deepEqual((makeTable({ kind, ...input, withColumns: false }) as Table).columnDefinitions, [])
  assert.equal((makeTable({ kind, ...input, includeObject: "None" }) as Table).rows[0]?.object, undefined)
})

test("every kind can show an object that has metadata alone", () => {
  for (const kind of kinds) {
    const table = makeTable({ kind, ...input }) as Table
    assert.equal(table.rows[0]?.cells.length, table.columnDefinitions.length, kind.kind)
  }
})
