import type { Component, Logger } from "@ladya/util"
import { errorMessage } from "@ladya/util"

/** How long a component has to stop in good order. */
const stopMs = 8000

/**
 * Starts a component and runs until SIGTERM or SIGINT, then stops it in good order; a second signal ends the process at
 * once. Sets the exit code: 0 after a signal, 1 when it could not start.
 */
export async function runUntilSignalled(component: Component, log: Logger): Promise<void> {
  let signals = 0
  let stop: () => void = () => undefined
  const stopped = new Promise<void>((resolve) => {
    stop = resolve
  })
  const onSignal = (signal: NodeJS.Signals): void => {
    signals++
    if (signals > 1) {
      log.warn("ended at once", { signal })
      process.exit(signal === "SIGINT" ? 130 : 143)
    }
    log.info("stopping", { signal })
    stop()
  }
  process.on("SIGTERM", onSignal)
  process.on("SIGINT", onSignal)
  // A terminal that went away is no reason to end: what is logged then is lost.
  process.on("SIGHUP", () => undefined)
  process.on("unhandledRejection", (error) => {
    log.error("a promise was rejected and nobody looked", {
      error: error instanceof Error ? error : errorMessage(error),
    })
  })
  const started = component.start()
  // A signal while it starts ends the waiting: what has started by then is stopped.
  started.catch(() => undefined)
  await Promise.race([started, stopped])
  await stopped
  await component.stop(AbortSignal.timeout(stopMs))
  log.info("stopped")
  // What still hangs (a client's connection, a timer) must not keep a stopped process.
  process.exit(0)
}
