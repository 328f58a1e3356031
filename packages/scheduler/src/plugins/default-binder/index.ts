import { type corev1, refs } from "@ladya/api"
import type { PluginHandle } from "../../framework/handle.ts"
import type { Plugin } from "../../framework/plugin.ts"
import { ok } from "../../framework/verdict.ts"

/** Binds by the API's `pods/binding`. */
export function newDefaultBinder({ client }: PluginHandle): Plugin {
  const pods = client.resource(refs.pods)
  return {
    name: "DefaultBinder",
    async bind(_, { pod, namespace }, node) {
      const { name = "", uid } = pod.metadata
      const binding: corev1.Binding = {
        apiVersion: "v1",
        kind: "Binding",
        metadata: { name, namespace, ...(uid ? { uid } : {}) },
        target: { kind: "Node", name: node },
      }
      await pods.createSubresource(name, "binding", binding, { namespace })
      return ok
    },
  }
}
