import type { apiextensionsv1, ScaleAccess } from "@ladya/api"
import { compileJsonPath, deepCopy, type KubeObject } from "@ladya/apimachinery"

type Fields = Record<string, unknown>

/** How the scale of a custom resource is read and written, by the paths of its definition. */
export function scaleAccess(scale: apiextensionsv1.CustomResourceSubresourceScale): ScaleAccess {
  const at = (path: string | undefined, object: KubeObject): unknown =>
    path ? compileJsonPath(path)?.(object)[0] : undefined
  const number = (value: unknown): number => (typeof value === "number" ? value : 0)
  return {
    read(object) {
      const selector = at(scale.labelSelectorPath, object)
      return {
        specReplicas: number(at(scale.specReplicasPath, object)),
        statusReplicas: number(at(scale.statusReplicasPath, object)),
        selector: typeof selector === "string" ? selector : "",
      }
    },
    write(draft, replicas) {
      const names = scale.specReplicasPath.replace(/^\./, "").split(".")
      const last = names.pop() ?? ""
      let place = draft as unknown as Fields
      for (const name of names) {
        const inner = place[name]
        place[name] = typeof inner === "object" && inner !== null ? deepCopy(inner) : {}
        place = place[name] as Fields
      }
      place[last] = replicas
    },
  }
}
