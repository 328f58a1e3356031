import type { corev1 } from "@ladya/api"
import type { NodeGroup } from "./scenario.ts"

/** The Node objects of a scenario's groups. */
export function hollowNodeObjects(groups: readonly NodeGroup[]): corev1.Node[] {
  return groups.flatMap((group) => Array.from({ length: group.count }, (_, index) => hollowNode(group, index)))
}

function hollowNode({ prefix, capacity, zones, labels, taints }: NodeGroup, index: number): corev1.Node {
  const name = `${prefix}-${index}`
  const zone = zones[index % Math.max(zones.length, 1)]
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: {
      name,
      labels: {
        "kubernetes.io/hostname": name,
        ...(zone ? { "topology.kubernetes.io/zone": zone } : {}),
        ...labels,
      },
    },
    spec: taints.length > 0 ? { taints: [...taints] } : {},
    status: { capacity: { ...capacity }, allocatable: { ...capacity } },
  }
}
