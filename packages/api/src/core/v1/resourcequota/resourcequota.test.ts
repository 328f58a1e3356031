import assert from "node:assert/strict"
import { test } from "node:test"
import { create } from "../../../testing/harness.ts"

const quota = (spec: object): unknown => ({
  apiVersion: "v1",
  kind: "ResourceQuota",
  metadata: { name: "q", namespace: "n" },
  spec,
})

const rows: { name: string; spec: object; errors: string[] }[] = [
  { name: "pods that end", spec: { hard: { pods: "5", cpu: "1" }, scopes: ["Terminating"] }, errors: [] },
  {
    name: "parts of things",
    spec: { hard: { pods: "1500m", "count/deployments.apps": "0.5" } },
    errors: [
      'spec.hard[pods]: Invalid value: "1500m": must be an integer',
      'spec.hard[count/deployments.apps]: Invalid value: "0.5": must be an integer',
    ],
  },
  {
    name: "a scope of pods on what is no pod's",
    spec: { hard: { cpu: "1", pods: "1" }, scopes: ["BestEffort"] },
    errors: ['spec.scopes: Invalid value: ["BestEffort"]: unsupported scope applied to resource'],
  },
  {
    name: "a scope with values that has none",
    spec: {
      hard: { pods: "1" },
      scopeSelector: { matchExpressions: [{ scopeName: "BestEffort", operator: "In", values: ["x"] }] },
    },
    errors: [
      "spec.scopeSelector.matchExpressions.operator: Invalid value: \"In\": must be 'Exist' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity",
    ],
  },
]

for (const { name, spec, errors } of rows) {
  test(`validation: ${name}`, () => assert.deepEqual(create(quota(spec)).errors, errors))
}
