import assert from "node:assert/strict"
import { type flowcontrolv1, refs } from "@ladya/api"
import { expectApiOperations, expectDiscovered, expectStatusOperations } from "../support/api-operations.ts"
import { conformance } from "../support/registry.ts"

const flowSchema = (name: string): flowcontrolv1.FlowSchema => ({
  apiVersion: "flowcontrol.apiserver.k8s.io/v1",
  kind: "FlowSchema",
  metadata: { name },
  spec: {
    matchingPrecedence: 10000,
    priorityLevelConfiguration: { name: "global-default" },
    distinguisherMethod: { type: "ByUser" },
    rules: [
      {
        subjects: [{ kind: "User", user: { name: `${name}-example-e2e-non-existent-user` } }],
        nonResourceRules: [{ verbs: ["*"], nonResourceURLs: ["*"] }],
      },
    ],
  },
})

const priorityLevel = (name: string): flowcontrolv1.PriorityLevelConfiguration => ({
  apiVersion: "flowcontrol.apiserver.k8s.io/v1",
  kind: "PriorityLevelConfiguration",
  metadata: { name },
  spec: { type: "Limited", limited: { nominalConcurrencyShares: 2, limitResponse: { type: "Reject" } } },
})

const condition = (type: string) => ({
  conditions: [
    {
      type,
      status: "False" as const,
      reason: "E2E",
      message: "Set from an e2e test",
      lastTransitionTime: "2026-01-01T00:00:00Z",
    },
  ],
})

conformance(
  "[sig-api-machinery] API priority and fairness should support FlowSchema API operations [Conformance]",
  async (t) => {
    await expectDiscovered(t, refs.flowschemas, ["status"])
    await expectApiOperations(t, refs.flowschemas, flowSchema)
    const name = t.unique("flow-schema")
    const schemas = t.client.resource(refs.flowschemas)
    t.defer(() => schemas.delete(name))
    await schemas.create(flowSchema(name))
    const patched = await schemas.patch(name, "merge", { spec: { matchingPrecedence: 9999 } })
    assert.equal(patched.spec?.matchingPrecedence, 9999)
    const { status } = await expectStatusOperations(t, refs.flowschemas, name, condition("E2E"))
    assert.ok(status?.conditions?.some(({ type, reason }) => type === "E2E" && reason === "E2E"))
  },
)

conformance(
  "[sig-api-machinery] API priority and fairness should support PriorityLevelConfiguration API operations [Conformance]",
  async (t) => {
    await expectDiscovered(t, refs.prioritylevelconfigurations, ["status"])
    await expectApiOperations(t, refs.prioritylevelconfigurations, priorityLevel)
    const name = t.unique("priority-level")
    const levels = t.client.resource(refs.prioritylevelconfigurations)
    t.defer(() => levels.delete(name))
    await levels.create(priorityLevel(name))
    const patched = await levels.patch(name, "merge", { spec: { limited: { nominalConcurrencyShares: 4 } } })
    assert.equal(patched.spec?.limited?.nominalConcurrencyShares, 4)
    const { status } = await expectStatusOperations(t, refs.prioritylevelconfigurations, name, condition("E2E"))
    assert.ok(status?.conditions?.some(({ type, reason }) => type === "E2E" && reason === "E2E"))
  },
)
