import { readFile } from "node:fs/promises"

export interface InterfaceStats {
  name: string
  rxBytes: number
  rxErrors: number
  txBytes: number
  txErrors: number
}

/** The interfaces in the text of /proc/<pid>/net/dev, loopback left out. */
export function parseNetDev(text: string): InterfaceStats[] {
  const interfaces: InterfaceStats[] = []
  for (const line of text.split("\n")) {
    const match = /^\s*([^\s:]+):\s*(.*)$/.exec(line)
    if (!match || match[1] === "lo") continue
    const values = (match[2] as string).trim().split(/\s+/).map(Number)
    interfaces.push({
      name: match[1] as string,
      rxBytes: values[0] ?? 0,
      rxErrors: values[2] ?? 0,
      txBytes: values[8] ?? 0,
      txErrors: values[10] ?? 0,
    })
  }
  return interfaces
}

/** The interfaces in the network of a process; none when it is gone. */
export async function readInterfaces(pid: number | "self"): Promise<InterfaceStats[]> {
  return parseNetDev(await readFile(`/proc/${pid}/net/dev`, "utf8").catch(() => ""))
}
