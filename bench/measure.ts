export interface Measurement {
  name: string
  operations: number
  wallMs: number
  cpuMs: number
}

/** Runs `body`, which does `operations` of something, and takes its wall and processor time. */
export async function measure(
  name: string,
  operations: number,
  body: () => Promise<void> | void,
): Promise<Measurement> {
  const cpu = process.cpuUsage()
  const start = performance.now()
  await body()
  const wallMs = performance.now() - start
  const { user, system } = process.cpuUsage(cpu)
  return { name, operations, wallMs, cpuMs: (user + system) / 1000 }
}

/** Prints measurements as an aligned table: operations, operations a second, processor µs an operation. */
export function printTable(rows: readonly Measurement[]): void {
  const cells = [
    ["what", "operations", "per second", "CPU µs/op"],
    ...rows.map(({ name, operations, wallMs, cpuMs }) => [
      name,
      String(operations),
      String(Math.round((operations / wallMs) * 1000)),
      ((cpuMs * 1000) / operations).toFixed(2),
    ]),
  ]
  const widths = cells[0]!.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)))
  for (const row of cells) {
    console.log(row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join("  "))
  }
}
