import assert from "node:assert/strict"
import { test } from "node:test"
import type { corev1 } from "@ladya/api"
import { planPodGc } from "./plan.ts"

function pod(
  name: string,
  options: { node?: string; phase?: string; deleted?: boolean; created?: string },
): corev1.Pod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name,
      creationTimestamp: options.created ?? "2024-01-01T00:00:00Z",
      ...(options.deleted ? { deletionTimestamp: "2024-01-02T00:00:00Z" } : {}),
    },
    spec: { containers: [], ...(options.node ? { nodeName: options.node } : {}) },
    status: { phase: options.phase ?? "Running" },
  }
}

test("orphans, pods that were deleted before they were bound, and the oldest ended ones are found", () => {
  const pods = [
    pod("fine", { node: "here" }),
    pod("orphan", { node: "gone" }),
    pod("waiting", { phase: "Pending" }),
    pod("never-bound", { phase: "Pending", deleted: true }),
    pod("leaving", { node: "here", deleted: true }),
    pod("leaving-for-good", { node: "broken", deleted: true }),
    pod("old", { node: "here", phase: "Succeeded", created: "2023-01-01T00:00:00Z" }),
    pod("new", { node: "here", phase: "Failed", created: "2023-06-01T00:00:00Z" }),
  ]
  const broken: corev1.Node = {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name: "broken" },
    spec: { taints: [{ key: "node.kubernetes.io/out-of-service", effect: "NoExecute" }] },
  }
  const found = planPodGc({
    pods,
    hasNode: (name) => name !== "gone",
    node: (name) => (name === "broken" ? broken : undefined),
    terminatedThreshold: 1,
  })
  assert.deepEqual(
    found.map(({ pod: one, reason }) => `${one.metadata.name} ${reason}`),
    ["orphan orphaned", "never-bound unscheduledTerminating", "leaving-for-good outOfService", "old terminated"],
  )
})
