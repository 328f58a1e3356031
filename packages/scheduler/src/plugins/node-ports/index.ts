import { type corev1, hostPortsOf } from "@ladya/api"
import type { Plugin } from "../../framework/plugin.ts"
import { ok, skip, unschedulable } from "../../framework/verdict.ts"

const refused = unschedulable("node(s) didn't have free ports for the requested pod ports")

/** Host ports are taken once per node. */
export function newNodePorts(): Plugin {
  return {
    name: "NodePorts",
    isLocal: true,
    interests: [
      {
        resource: "AssignedPod",
        actions: ["Delete"],
        hint({ hostPorts }, { object }) {
          const spec = (object as corev1.Pod | undefined)?.spec
          if (!spec) return "queue"
          const freed = hostPortsOf(spec)
          const helps = freed.some((port) =>
            hostPorts.some((wanted) => wanted.hostPort === port.hostPort && wanted.protocol === port.protocol),
          )
          return helps ? "queue" : "skip"
        },
      },
      { resource: "Node", actions: ["Add"] },
    ],
    preFilter: (_, { hostPorts }) => ({ verdict: hostPorts.length === 0 ? skip : ok }),
    filter: (_, { hostPorts }, { ports }) => (hostPorts.some((port) => ports.conflicts(port)) ? refused : ok),
  }
}
