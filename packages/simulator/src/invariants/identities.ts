import type { Invariant } from "./invariant.ts"

/** Two machines never run a pod of the same name at the same time: a StatefulSet's name is held once. */
export function newIdentities(): Invariant {
  let checks = 0
  const holders = new Map<string, Map<string, string>>()
  return {
    name: "a pod's name never has two holders",
    get checks() {
      return checks
    },
    onStart(key, uid, node) {
      const holding = holders.get(key) ?? new Map<string, string>()
      holders.set(key, holding.set(uid, node))
      checks++
      if (holding.size < 2) return undefined
      return `${key} runs ${holding.size} times, on ${[...holding.values()].join(" and ")}`
    },
    onStop(key, uid) {
      const holding = holders.get(key)
      holding?.delete(uid)
      if (holding?.size === 0) holders.delete(key)
    },
  }
}
