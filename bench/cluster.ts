import { execFile } from "node:child_process"
import { join } from "node:path"
import { promisify } from "node:util"

const execute = promisify(execFile)
const command = join(import.meta.dirname, "../ladya")

/** Runs the command line on a cluster that only benches use. */
export async function ladya(...args: string[]): Promise<string> {
  const [name = "", ...rest] = args
  const { stdout } = await execute(command, [name, "--name", "bench", ...rest], { maxBuffer: 1 << 24 })
  return stdout
}

export interface BenchStatus {
  processes: { name: string; pid: number; rssBytes: number; cpuSeconds: number }[]
}

export async function status(): Promise<BenchStatus> {
  return JSON.parse(await ladya("status", "-o", "json")) as BenchStatus
}

/** Prints rows in columns. */
export function printRows(rows: readonly (readonly string[])[]): void {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? "").length)))
  for (const row of rows)
    console.log(
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("   ")
        .trimEnd(),
    )
}
