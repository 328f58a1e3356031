import { writeFile } from "node:fs/promises"
import { errorMessage, type Logger } from "@ladya/util"

/** What routing pods needs of the kernel; the bridge ones are there only with the br_netfilter module. */
const wanted: readonly { name: string; value: string; required: boolean }[] = [
  { name: "net/ipv4/ip_forward", value: "1", required: true },
  // Pods of one node talk through the bridge: Service addresses must be translated there too.
  { name: "net/bridge/bridge-nf-call-iptables", value: "1", required: false },
  // Answers may come in over another link than the one that leads back.
  { name: "net/ipv4/conf/all/rp_filter", value: "0", required: false },
  { name: "net/ipv4/conf/default/rp_filter", value: "0", required: false },
]

/** Sets the kernel parameters of this network namespace. */
export async function applySysctls(log: Logger): Promise<void> {
  for (const { name, value, required } of wanted) {
    try {
      await writeFile(`/proc/sys/${name}`, value)
    } catch (error) {
      if (required) throw new Error(`cannot set ${name.replaceAll("/", ".")}=${value}: ${errorMessage(error)}`)
      log.warn("kernel parameter not set", { parameter: name.replaceAll("/", "."), error: errorMessage(error) })
    }
  }
}
