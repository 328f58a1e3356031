import { ladya, printRows } from "./cluster.ts"

const rounds = 5

/** From `up --nodes 2` to both nodes Ready and DNS answering, everything installed; and the same for a stopped cluster. */
export async function run(): Promise<void> {
  await ladya("down", "--purge")
  const fresh: number[] = []
  const again: number[] = []
  try {
    for (let round = 0; round < rounds; round++) {
      fresh.push(await timed(() => ladya("up", "--nodes", "2")))
      await ladya("down")
      again.push(await timed(() => ladya("up")))
      await ladya("down", "--purge")
    }
  } finally {
    await ladya("down", "--purge")
  }
  const figure = (values: readonly number[]): string =>
    `${median(values).toFixed(1)} s (${Math.min(...values).toFixed(1)} to ${Math.max(...values).toFixed(1)})`
  printRows([
    ["two nodes Ready, DNS answering", "median of 5"],
    ["ladya, new cluster", figure(fresh)],
    ["ladya, stopped cluster", figure(again)],
    ["aim", "5.0 s"],
    ["k3d (minikube's published comparison)", "19.9 s"],
    ["kind (the same)", "33.0 s"],
  ])
}

async function timed(task: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await task()
  return (performance.now() - start) / 1000
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}
