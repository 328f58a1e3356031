import type { Plugin } from "../../framework/plugin.ts"

/** The higher priority first, then who waited longer. */
export function newPrioritySort(): Plugin {
  return {
    name: "PrioritySort",
    compare: (a, b) => b.info.priority - a.info.priority || a.queuedAt - b.queuedAt,
  }
}
