import assert from "node:assert/strict"
import { type admissionregistrationv1, refs } from "@ladya/api"
import { refusalOf } from "../../support/admission.ts"
import { expectApiOperations, expectDiscovered, expectStatusOperations } from "../../support/api-operations.ts"
import type { ConformanceContext } from "../../support/context.ts"
import { conformance } from "../../support/registry.ts"
import { deployment, deploymentsIn, untilRefused } from "./support.ts"

const prefix = "[sig-api-machinery] ValidatingAdmissionPolicy [Privileged:ClusterAdmin]"
const apiVersion = "admissionregistration.k8s.io/v1" as const

async function bound(
  t: ConformanceContext,
  label: string,
  spec: admissionregistrationv1.ValidatingAdmissionPolicySpec,
): Promise<string> {
  const name = t.unique("policy")
  const policies = t.client.resource(refs.validatingadmissionpolicies)
  const bindings = t.client.resource(refs.validatingadmissionpolicybindings)
  t.defer(() => policies.delete(name))
  t.defer(() => bindings.delete(name))
  await policies.create({
    apiVersion,
    kind: "ValidatingAdmissionPolicy",
    metadata: { name },
    spec: { failurePolicy: "Fail", matchConstraints: deploymentsIn(label), ...spec },
  })
  await t.until("the policy to be observed", async () => {
    const { metadata, status } = await policies.get(name)
    return status?.observedGeneration === metadata.generation
  })
  await bindings.create({
    apiVersion,
    kind: "ValidatingAdmissionPolicyBinding",
    metadata: { name },
    spec: { policyName: name, validationActions: ["Deny"] },
  })
  return name
}

conformance(`${prefix} should validate against a Deployment [Conformance]`, async (t) => {
  const label = t.unique("policy")
  const namespace = await t.namespace({ [label]: "true" })
  const name = await bound(t, label, {
    validations: [
      {
        expression: "object.spec.replicas > 1",
        messageExpression: "'wants replicas > 1, got ' + string(object.spec.replicas)",
      },
      {
        expression: "namespaceObject.metadata.name == object.metadata.namespace",
        message: "namespace name and object's namespace differ",
      },
    ],
  })
  await untilRefused(t, namespace, 1)
  const deployments = t.client.resource(refs.deployments)
  const { metadata } = await deployments.create(deployment(namespace, "replicated", 2))
  assert.ok(metadata.uid)
  const message = await refusalOf(deployments.create(deployment(namespace, "replicas-denied", 1)))
  assert.match(message, /wants replicas > 1, got 1/)
  assert.ok(message.includes(name))
})

conformance(`${prefix} should allow expressions to refer variables. [Conformance]`, async (t) => {
  const label = t.unique("policy")
  const namespace = await t.namespace({ [label]: "true" })
  await bound(t, label, {
    variables: [
      { name: "replicas", expression: "object.spec.replicas" },
      { name: "oddReplicas", expression: "variables.replicas % 2 == 1" },
    ],
    validations: [{ expression: "variables.replicas > 1" }, { expression: "variables.oddReplicas" }],
  })
  await untilRefused(t, namespace, 1)
  const deployments = t.client.resource(refs.deployments)
  await deployments.create(deployment(namespace, "replicated", 3))
  assert.match(await refusalOf(deployments.create(deployment(namespace, "one", 1))), /variables.replicas > 1/)
  assert.match(await refusalOf(deployments.create(deployment(namespace, "two", 2))), /variables.oddReplicas/)
})

const policy = (name: string): admissionregistrationv1.ValidatingAdmissionPolicy => ({
  apiVersion,
  kind: "ValidatingAdmissionPolicy",
  metadata: { name },
  spec: {
    failurePolicy: "Ignore",
    matchConstraints: deploymentsIn(name),
    validations: [{ expression: "object.spec.replicas <= 100" }],
  },
})

conformance(`${prefix} should support ValidatingAdmissionPolicy API operations [Conformance]`, async (t) => {
  await expectDiscovered(t, refs.validatingadmissionpolicies, ["status"])
  await expectApiOperations(t, refs.validatingadmissionpolicies, policy)
  const name = t.unique("policy")
  const policies = t.client.resource(refs.validatingadmissionpolicies)
  t.defer(() => policies.delete(name))
  await policies.create(policy(name))
  const condition = {
    type: "E2E",
    status: "False",
    reason: "E2E",
    message: "Set from an e2e test",
    lastTransitionTime: "2026-01-01T00:00:00Z",
  }
  const { status } = await expectStatusOperations(t, refs.validatingadmissionpolicies, name, {
    conditions: [condition],
  })
  assert.ok(status?.conditions?.some(({ type }) => type === "E2E"))
})

conformance(`${prefix} should support ValidatingAdmissionPolicyBinding API operations [Conformance]`, async (t) => {
  await expectDiscovered(t, refs.validatingadmissionpolicybindings)
  await expectApiOperations(t, refs.validatingadmissionpolicybindings, (name) => ({
    apiVersion,
    kind: "ValidatingAdmissionPolicyBinding" as const,
    metadata: { name },
    spec: { policyName: "replicalimit-policy.example.com", validationActions: ["Deny"] },
  }))
})
