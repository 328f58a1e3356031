import { readFileSync } from "node:fs"
import { type ClusterAccess, newClient, newHttpsTransport, newInformerFactory } from "@ladya/client"
import { newCriClient } from "@ladya/cri"
import { type KubeletConfig, newKubelet } from "@ladya/kubelet"
import { newLogger, systemClock, systemRandom } from "@ladya/util"

/** What a test gives its kubelet, as JSON in a file. */
export interface KubeletMainConfig {
  access: ClusterAccess
  socket: string
  kubelet: KubeletConfig
}

// A kubelet alone, in a process of its own: run inside a machine by startTestNode.
const {
  access,
  socket,
  kubelet: config,
} = JSON.parse(readFileSync(process.argv[2] as string, "utf8")) as KubeletMainConfig
const log = newLogger({ level: "debug" })
const clock = systemClock
const client = newClient(newHttpsTransport({ ...access, userAgent: "kubelet", clock, log }))
const informers = newInformerFactory({ client, clock, log })
const kubelet = newKubelet({
  ...{ client, informers, clock, log, config },
  cri: newCriClient({ socket }),
  random: systemRandom,
})
process.on("SIGTERM", () => {
  void kubelet.stop(AbortSignal.timeout(30_000)).then(() => process.exit(0))
})
await kubelet.start()
log.info("kubelet started")
