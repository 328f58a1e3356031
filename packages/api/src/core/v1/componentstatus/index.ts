import type * as corev1 from "../../../generated/types/corev1.ts"
import type { KindBehaviour } from "../../../kind.ts"
import { nameColumn, text } from "../../../printing/columns.ts"

type ComponentStatus = corev1.ComponentStatus

const healthy = ({ conditions }: ComponentStatus): corev1.ComponentCondition | undefined =>
  conditions?.find(({ type }) => type === "Healthy")

function statusText(object: ComponentStatus): string {
  const condition = healthy(object)
  if (!condition) return "Unknown"
  return condition.status === "True" ? "Healthy" : "Unhealthy"
}

export const componentStatus: KindBehaviour<ComponentStatus> = {
  columns: [
    nameColumn,
    text("Status", statusText),
    text("Message", (object) => healthy(object)?.message ?? ""),
    text("Error", (object) => healthy(object)?.error ?? ""),
  ],
}
