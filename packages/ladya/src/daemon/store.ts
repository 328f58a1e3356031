import { readFileSync } from "node:fs"
import { join } from "node:path"
import { newEtcdStore, newMemoryStore, newSqliteStore, type Store } from "@ladya/store"
import type { Clock, Logger, Random } from "@ladya/util"
import { LadyaError } from "../errors.ts"

/** Files of PEM. */
export interface StoreTlsFiles {
  ca?: string
  cert?: string
  key?: string
}

export type StoreChoice =
  | { engine: "sqlite" }
  | { engine: "memory" }
  | { engine: "etcd"; endpoints: readonly string[]; tls: StoreTlsFiles | undefined }

const form = "sqlite, memory, or etcd://HOST:PORT[,HOST:PORT...] (https:// for TLS)"

/** What `--store` and the options beside it ask for. Throws a LadyaError for what makes no sense. */
export function parseStoreChoice(text: string, files: StoreTlsFiles = {}): StoreChoice {
  const hasFiles = Object.values(files).some((file) => file !== undefined)
  if (text === "sqlite" || text === "memory") {
    if (hasFiles) throw new LadyaError("--store-ca, --store-cert and --store-key are for etcd alone")
    return { engine: text }
  }
  const match = /^(etcds?|https?):\/\/(.+?)\/?$/.exec(text)
  const endpoints = match?.[2]?.split(",").map((part) => part.trim().replace(/^(?:etcds?|https?):\/\//, "")) ?? []
  if (!match || !endpoints.every((endpoint) => /^(?:\[[0-9a-fA-F:.]+\]|[^:[\]\s/]+):\d{1,5}$/.test(endpoint))) {
    throw new LadyaError(`--store ${text} is no store`, { hint: `it is to be ${form}` })
  }
  if ((files.cert === undefined) !== (files.key === undefined)) {
    throw new LadyaError("--store-cert and --store-key belong together")
  }
  if (hasFiles && match[1] === "http") throw new LadyaError("--store http:// is without TLS: use https:// or etcd://")
  const isTls = hasFiles || match[1] === "https" || match[1] === "etcds"
  return { engine: "etcd", endpoints, tls: isTls ? files : undefined }
}

export interface OpenStoreOptions {
  choice: StoreChoice
  dataDirectory: string
  clock: Clock
  log: Logger
  random: Random
}

/** The store that was chosen, opened. Etcd is connected to by itself, as soon as it answers. */
export function openStore({ choice, dataDirectory, clock, log, random }: OpenStoreOptions): Store {
  if (choice.engine === "memory") return newMemoryStore({ clock })
  if (choice.engine === "sqlite") return newSqliteStore({ path: join(dataDirectory, "store/ladya.db"), clock, log })
  const { endpoints, tls } = choice
  const common = { endpoints, clock, random, log: log.child({ component: "store" }) }
  if (!tls) return newEtcdStore(common)
  const read = (name: keyof StoreTlsFiles) => (tls[name] === undefined ? {} : { [name]: readFileSync(tls[name]) })
  return newEtcdStore({ ...common, tls: { ...read("ca"), ...read("cert"), ...read("key") } })
}
