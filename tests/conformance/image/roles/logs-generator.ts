import { option } from "../options.ts"

/** Writes `--log-lines-total` lines evenly over `--run-duration` seconds, numbered from 0, and ends. */
export async function run(args: string[]): Promise<void> {
  const total = Number(option(args, "log-lines-total", "100"))
  const seconds = Number.parseFloat(option(args, "run-duration", "1"))
  const pauseMs = (seconds * 1000) / total
  const verbs = ["GET", "POST", "PUT"]
  for (let line = 0; line < total; line++) {
    console.log(`${new Date().toISOString()} ${line} ${verbs[line % 3]} /api/v1/namespaces/ns/pods/${line} 200`)
    await new Promise((resolve) => setTimeout(resolve, pauseMs))
  }
}
