import type { KindDefinition } from "@ladya/api"

const core = new Set([
  "persistentvolumeclaims",
  "persistentvolumes",
  "pods",
  "podtemplates",
  "resourcequotas",
  "serviceaccounts",
  "services",
])
const storage = new Set(["csidrivers", "csinodes", "storageclasses", "volumeattachments", "volumeattributesclasses"])

/** Whether a deletion answers with the object that was deleted, where most answer with a Status. */
export function returnsDeletedObject(kind: Pick<KindDefinition, "group" | "resource">): boolean {
  if (kind.group === "resource.k8s.io") return true
  return (
    (kind.group === "" && core.has(kind.resource)) || (kind.group === "storage.k8s.io" && storage.has(kind.resource))
  )
}
