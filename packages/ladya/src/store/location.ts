import { readFileSync } from "node:fs"
import { join, resolve } from "node:path"
import type { EtcdStoreDeps } from "@ladya/store"
import { silentLogger, systemClock, systemRandom } from "@ladya/util"
import { parseStoreChoice, type StoreChoice, type StoreTlsFiles } from "../daemon/store.ts"
import { LadyaError } from "../errors.ts"

/** Where a store is, of the two kinds that outlive a server. */
export type StoreLocation = { engine: "sqlite"; path: string } | { engine: "etcd"; name: string; deps: EtcdStoreDeps }

/**
 * What a person calls a store: `sqlite` (the embedded one in the data directory), `sqlite:FILE`, or etcd's addresses as
 * `--store` takes them. Throws a LadyaError for anything else.
 */
export function parseLocation(text: string, dataDirectory: string, files: StoreTlsFiles): StoreLocation {
  const file = /^sqlite:(.+)$/.exec(text)?.[1]
  if (file !== undefined) return { engine: "sqlite", path: resolve(file) }
  // Of a copy one side may be etcd: its files are no mistake beside the other.
  const isEmbedded = text === "sqlite" || text === "memory"
  const choice = parseStoreChoice(text, isEmbedded ? {} : files)
  if (choice.engine === "memory") {
    throw new LadyaError("a store in memory ends with its server", { hint: "name sqlite, sqlite:FILE or etcd://…" })
  }
  if (choice.engine === "sqlite") return { engine: "sqlite", path: join(dataDirectory, "store/ladya.db") }
  return { engine: "etcd", name: text, deps: etcdDeps(choice) }
}

function etcdDeps({ endpoints, tls }: StoreChoice & { engine: "etcd" }): EtcdStoreDeps {
  const common = { endpoints, clock: systemClock, random: systemRandom, log: silentLogger }
  if (!tls) return common
  const read = (name: keyof StoreTlsFiles) => (tls[name] === undefined ? {} : { [name]: readFileSync(tls[name]) })
  return { ...common, tls: { ...read("ca"), ...read("cert"), ...read("key") } }
}

/** A store as messages name it. */
export const nameOf = (location: StoreLocation): string =>
  location.engine === "sqlite" ? location.path : location.name
