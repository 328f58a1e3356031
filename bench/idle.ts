import { setTimeout } from "node:timers/promises"
import { ladya, printRows, status } from "./cluster.ts"

const settleMs = 30_000
const measureMs = 60_000

/** What a cluster of two nodes takes while nothing happens in it: memory, and the processor over a minute. */
export async function run(): Promise<void> {
  await ladya("down", "--purge")
  try {
    await ladya("up", "--nodes", "2")
    await setTimeout(settleMs)
    const before = await status()
    await setTimeout(measureMs)
    const after = await status()
    const rows = after.processes.map((process) => {
      const cpu = process.cpuSeconds - (before.processes.find(({ pid }) => pid === process.pid)?.cpuSeconds ?? 0)
      return [
        process.name,
        `${Math.round(process.rssBytes / 2 ** 20)} MiB`,
        `${((cpu * 100_000) / measureMs).toFixed(1)} %`,
      ]
    })
    printRows([
      ["idle for a minute", "resident", "of a core"],
      ...rows,
      ["aim for the control plane", "200 MB", "2 %"],
      ["k3s server (users' reports)", "about 500 MB", ""],
    ])
  } finally {
    await ladya("down", "--purge")
  }
}
