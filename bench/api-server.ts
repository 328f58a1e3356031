/** The server that bench/api.ts measures: run as a process of its own with a directory, and told by messages. */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { ensurePki, newApiServer } from "@ladya/apiserver"
import { newSqliteStore } from "@ladya/store"
import { MetricsRegistry, newLogger, newRandom, systemClock } from "@ladya/util"

const directory = process.argv[2] as string
const started = performance.now()
const log = newLogger({ level: "warn" })
const pki = await ensurePki(join(directory, "pki"), { clock: systemClock, log })
const server = newApiServer({
  store: newSqliteStore({ clock: systemClock, log, path: join(directory, "store", "kv.db") }),
  clock: systemClock,
  log,
  random: newRandom(1),
  metrics: new MetricsRegistry(),
  config: {
    authorizers: [{ name: "all", authorize: () => ({ allowed: true, reason: "" }) }],
    listen: [{ host: "127.0.0.1", port: 0 }],
    tls: { cert: pki.serving.certificate, key: pki.serving.key, clientCA: pki.caCertificate },
  },
})
await server.start()
writeFileSync(join(directory, "ca.pem"), pki.caCertificate)
process.send?.({ port: server.addresses()[0]?.port, startMs: performance.now() - started })
process.on("message", (message) => {
  if (message === "rss") process.send?.(process.memoryUsage())
  if (message === "stop") void server.stop(AbortSignal.timeout(2000)).then(() => process.exit(0))
})
