import { ladya, printRows } from "./cluster.ts"
import { timeToReady } from "./ready.ts"

const rounds = 5

/**
 * From `up --nodes 2` to both nodes Ready and DNS answering, everything installed; the same for a stopped cluster; and from
 * the start of a server to its being ready. The whole command is timed, its own start included.
 */
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
  const readyFresh: number[] = []
  const readyAgain: number[] = []
  for (let round = 0; round < rounds; round++) {
    const ready = await timeToReady()
    readyFresh.push(ready.fresh)
    readyAgain.push(ready.again)
  }
  const figure = (values: readonly number[]): string =>
    `${median(values).toFixed(2)} s (${Math.min(...values).toFixed(2)} to ${Math.max(...values).toFixed(2)})`
  printRows([
    ["two nodes Ready, DNS answering", "median of 5"],
    ["ladya, new cluster", figure(fresh)],
    ["ladya, stopped cluster", figure(again)],
    ["aim", "5.00 s"],
    ["k3d (minikube's published comparison)", "19.9 s"],
    ["kind (the same)", "33.0 s"],
    [],
    ["ladya server, start to /readyz", "median of 5"],
    ["new data directory", figure(readyFresh)],
    ["the data of an earlier start", figure(readyAgain)],
    ["aim", "0.60 s"],
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
