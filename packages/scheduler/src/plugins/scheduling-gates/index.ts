import type { Plugin } from "../../framework/plugin.ts"
import { ok, unresolvable } from "../../framework/verdict.ts"

/** Keeps pods with scheduling gates out of the queue. */
export function newSchedulingGates(): Plugin {
  return {
    name: "SchedulingGates",
    interests: [{ resource: "Pod", actions: ["UpdateSchedulingGates"] }],
    preEnqueue({ pod }) {
      const gates = pod.spec?.schedulingGates ?? []
      if (gates.length === 0) return ok
      return unresolvable(`waiting for scheduling gates: [${gates.map((gate) => gate.name).join(" ")}]`)
    },
  }
}
