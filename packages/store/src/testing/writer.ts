/**
 * The child of the kill test: 64 writers at once write to the store at argument 1 and report what was acknowledged,
 * `<key> <revision> <value>` a line, on standard output.
 */
import { writeSync } from "node:fs"
import { silentLogger, systemClock } from "@ladya/util"
import { newSqliteStore } from "../sqlite/sqlite-store.ts"

const [path, round] = process.argv.slice(2) as [string, string]
const store = newSqliteStore({ path, clock: systemClock, log: silentLogger })

async function writer(number: number): Promise<void> {
  const key = `/shared/${number % 16}`
  for (let i = 0; ; i++) {
    const own = `/own/${round}/${number}/${i}`
    const value = `${round}-${number}-${i}-${"x".repeat(500)}`
    const { kv } = await store.get(key)
    const results = await Promise.all([
      store.create(own, Buffer.from(value)),
      kv ? store.update(key, Buffer.from(value), kv.modRevision) : store.create(key, Buffer.from(value)),
    ])
    // Synchronous: what was acknowledged is known to the parent before anything else happens.
    for (const result of results) {
      if (result.ok) writeSync(1, `${result.kv.key} ${result.kv.modRevision} ${value}\n`)
    }
  }
}

await Promise.all(Array.from({ length: 64 }, (_, number) => writer(number)))
