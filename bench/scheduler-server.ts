/** The server that bench/scheduler.ts measures: a durable store, the API over HTTPS, and the scheduler beside it in process. */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { ensurePki, newApiServer } from "@ladya/apiserver"
import { newClient } from "@ladya/client"
import { newScheduler } from "@ladya/scheduler"
import { newSqliteStore } from "@ladya/store"
import { MetricsRegistry, newLogger, newRandom, systemClock } from "@ladya/util"

const directory = process.argv[2] as string
const log = newLogger({ level: "warn" })
const pki = await ensurePki(join(directory, "pki"), { clock: systemClock, log })
const deps = { clock: systemClock, log, random: newRandom(1), metrics: new MetricsRegistry() }
const server = newApiServer({
  ...deps,
  store: newSqliteStore({ clock: systemClock, log, path: join(directory, "store", "kv.db") }),
  config: {
    authorizers: [{ name: "all", authorize: () => ({ allowed: true, reason: "" }) }],
    listen: [{ host: "127.0.0.1", port: 0 }],
    tls: { cert: pki.serving.certificate, key: pki.serving.key, clientCA: pki.caCertificate },
  },
})
await server.start()
const user = { name: "system:kube-scheduler", groups: ["system:authenticated"] }
const scheduler = newScheduler({ ...deps, client: newClient(server.transport(user)) })
await scheduler.start()
writeFileSync(join(directory, "ca.pem"), pki.caCertificate)
process.send?.({ port: server.addresses()[0]?.port })
process.on("message", () => {
  const deadline = AbortSignal.timeout(2000)
  void scheduler
    .stop(deadline)
    .then(() => server.stop(deadline))
    .then(() => process.exit(0))
})
