import assert from "node:assert/strict"
import { test } from "node:test"
import type { rbacv1 } from "@ladya/api"
import { aggregatedRules } from "./controller.ts"

function role(name: string, labels: Record<string, string>, verbs: string[]): rbacv1.ClusterRole {
  return {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "ClusterRole",
    metadata: { name, labels },
    rules: [{ apiGroups: [""], resources: ["pods"], verbs }],
  }
}

test("rules are taken from the selected roles, each once, in order of names; never from the role itself", () => {
  const aggregated: rbacv1.ClusterRole = {
    ...role("all", { part: "yes" }, ["delete"]),
    aggregationRule: { clusterRoleSelectors: [{ matchLabels: { part: "yes" } }, { matchLabels: { other: "yes" } }] },
  }
  const roles = [
    role("b", { part: "yes" }, ["get"]),
    role("a", { other: "yes" }, ["list"]),
    role("c", { part: "yes" }, ["get"]),
    role("d", {}, ["update"]),
    aggregated,
  ]
  assert.deepEqual(
    aggregatedRules(aggregated, roles).map((rule) => rule.verbs),
    [["list"], ["get"]],
  )
})
