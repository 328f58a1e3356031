import { type Component, errorMessage, type Logger } from "@ladya/util"

/** Components that do not need each other: they start and stop all at once. */
export function parallel(name: string, components: readonly Component[], log: Logger): Component {
  return {
    name,
    async start() {
      await Promise.all(
        components.map(async (component) => {
          try {
            await component.start()
            log.info("ready", { component: component.name })
          } catch (error) {
            throw new Error(`${component.name}: ${errorMessage(error)}`, { cause: error })
          }
        }),
      )
    },
    async stop(signal) {
      const results = await Promise.allSettled(components.map((component) => component.stop(signal)))
      for (const [index, result] of results.entries()) {
        if (result.status === "rejected") {
          log.error("component failed to stop", { component: components[index]?.name, error: result.reason })
        }
      }
    },
  }
}
