import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { newMemoryStore, newSqliteStore, type Store } from "@ladya/store"
import { silentLogger, systemClock } from "@ladya/util"
import { type Measurement, measure, printTable } from "./measure.ts"

const value = Buffer.alloc(1500, "x")
const keyOf = (i: number): string => `/registry/pods/namespace-${i % 100}/pod-${i}`

async function writers(count: number, parallel: number, write: (i: number) => Promise<unknown>): Promise<void> {
  let next = 0
  await Promise.all(
    Array.from({ length: parallel }, async () => {
      while (next < count) await write(next++)
    }),
  )
}

async function benchStore(name: string, store: Store): Promise<Measurement[]> {
  const rows: Measurement[] = []
  const add = async (what: string, count: number, body: () => Promise<void>): Promise<void> => {
    rows.push(await measure(`${name}: ${what}`, count, body))
  }
  const objects = 30_000
  await add("create 1.5 KB, 64 writers", objects, () => writers(objects, 64, (i) => store.create(keyOf(i), value)))
  await add("create 1.5 KB, 1 writer", 2000, () => writers(2000, 1, (i) => store.create(`/one/${i}`, value)))
  await add("get", 300_000, async () => {
    for (let i = 0; i < 300_000; i++) await store.get(keyOf(i % objects))
  })
  for (let i = 0; i < 3000; i++) await store.create(`/list/${String(i).padStart(5, "0")}`, value)
  await add("list 3,000 by prefix", 500, async () => {
    for (let i = 0; i < 500; i++) await store.list({ prefix: "/list/" })
  })
  await add("list 3,000 of an older revision", 500, async () => {
    const revision = (await store.currentRevision()) - 1
    for (let i = 0; i < 500; i++) await store.list({ prefix: "/list/", revision })
  })
  let seen = 0
  const watches = Array.from({ length: 70 }, (_, i) =>
    store.watch({ prefix: i === 0 ? "/registry/pods/" : `/registry/other-${i}/` }, (batch) => {
      seen += batch.events.length
    }),
  )
  await add("update, 64 writers, 70 watches", objects, () =>
    writers(objects, 64, async (i) => {
      const { kv } = await store.get(keyOf(i))
      await store.update(keyOf(i), value, kv!.modRevision)
    }),
  )
  for (const watch of watches) watch.cancel()
  if (seen !== objects) throw new Error(`the watch saw ${seen} of ${objects} events`)
  const revision = await store.currentRevision()
  await add("compact, per forgotten version", objects, () => store.compact(revision))
  return rows
}

export async function run(): Promise<void> {
  const memory = newMemoryStore({ clock: systemClock })
  const rows = await benchStore("memory", memory)
  await memory.close()
  const directory = mkdtempSync(join(tmpdir(), "ladya-bench-"))
  const path = join(directory, "store.db")
  try {
    let store = newSqliteStore({ path, clock: systemClock, log: silentLogger })
    rows.push(...(await benchStore("sqlite", store)))
    await store.close()
    rows.push(
      await measure("sqlite: open, per object", 35_000, () => {
        store = newSqliteStore({ path, clock: systemClock, log: silentLogger })
      }),
    )
    await store.close()
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
  printTable(rows)
}
