import { readFile } from "node:fs/promises"
import { parseSchedulerConfiguration, type SchedulerConfiguration, SchedulerConfigurationError } from "@ladya/scheduler"
import { LadyaError } from "../errors.ts"

/** Reads the file of `--scheduler-config`. Throws LadyaError naming every wrong field. */
export async function readSchedulerConfiguration(path: string): Promise<SchedulerConfiguration> {
  const hint = "it is to be a KubeSchedulerConfiguration of kubescheduler.config.k8s.io/v1"
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw new LadyaError(`cannot read ${path}: ${error.code ?? error.message}`, { hint, exitCode: 2 })
  })
  try {
    return parseSchedulerConfiguration(text)
  } catch (error) {
    if (!(error instanceof SchedulerConfigurationError)) throw error
    throw new LadyaError(`${path}: ${error.message}`, { hint, exitCode: 2 })
  }
}
