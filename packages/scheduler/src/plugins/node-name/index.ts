import type { Plugin } from "../../framework/plugin.ts"
import { ok, unresolvable } from "../../framework/verdict.ts"

const refused = unresolvable("node(s) didn't match the requested node name")

/** A pod that names its node goes there or nowhere. */
export function newNodeName(): Plugin {
  return {
    name: "NodeName",
    isLocal: true,
    interests: [{ resource: "Node", actions: ["Add"] }],
    filter(_, { pod }, node) {
      const wanted = pod.spec?.nodeName
      return !wanted || wanted === node.name ? ok : refused
    },
  }
}
