import assert from "node:assert/strict"
import { type admissionregistrationv1, type appsv1, refs } from "@ladya/api"
import { expectApiOperations, expectDiscovered } from "../../support/api-operations.ts"
import type { ConformanceContext } from "../../support/context.ts"
import { conformance } from "../../support/registry.ts"
import { deployment, deploymentsIn } from "./support.ts"

const prefix = "[sig-api-machinery] MutatingAdmissionPolicy [Privileged:ClusterAdmin]"
const apiVersion = "admissionregistration.k8s.io/v1" as const

const policy = (name: string, mutations: admissionregistrationv1.Mutation[]) =>
  ({
    apiVersion,
    kind: "MutatingAdmissionPolicy",
    metadata: { name },
    spec: {
      failurePolicy: "Fail",
      reinvocationPolicy: "Never",
      matchConstraints: deploymentsIn(name),
      mutations,
    },
  }) as const satisfies admissionregistrationv1.MutatingAdmissionPolicy

const configuration = (expression: string): admissionregistrationv1.Mutation => ({
  patchType: "ApplyConfiguration",
  applyConfiguration: { expression },
})

/** Binds a policy to a new namespace, and gives what it makes of a Deployment of one replica there. */
async function mutated(
  t: ConformanceContext,
  mutations: admissionregistrationv1.Mutation[],
  isDone: (made: appsv1.Deployment) => boolean,
): Promise<appsv1.Deployment> {
  const name = t.unique("policy")
  const namespace = await t.namespace({ [name]: "true" })
  const policies = t.client.resource(refs.mutatingadmissionpolicies)
  const bindings = t.client.resource(refs.mutatingadmissionpolicybindings)
  t.defer(() => policies.delete(name))
  t.defer(() => bindings.delete(name))
  await policies.create(policy(name, mutations))
  await bindings.create({
    apiVersion,
    kind: "MutatingAdmissionPolicyBinding",
    metadata: { name },
    spec: { policyName: name },
  })
  return await t.until("the policy to count", async () => {
    const made = await t.client.resource(refs.deployments).create(deployment(namespace, t.unique("d"), 1))
    return isDone(made) ? made : undefined
  })
}

conformance(`${prefix} should mutate a Deployment [Conformance]`, async (t) => {
  const made = await mutated(
    t,
    [configuration("Object{spec: Object.spec{replicas: object.spec.replicas + 1}}")],
    ({ spec }) => spec?.replicas !== 1,
  )
  assert.equal(made.spec?.replicas, 2)
})

conformance(`${prefix} should mutate a Deployment with annotations [Conformance]`, async (t) => {
  const made = await mutated(
    t,
    [
      configuration(`Object{metadata: Object.metadata{annotations: {"my-foo-annotation": "myAnnotationValue"}}}`),
      {
        patchType: "JSONPatch",
        jsonPatch: {
          expression: `[JSONPatch{op: "add", path: "/metadata/annotations/" + jsonpatch.escapeKey("example.com/by"), value: "patch"}]`,
        },
      },
    ],
    ({ metadata }) => metadata.annotations !== undefined,
  )
  assert.deepEqual(made.metadata.annotations, { "my-foo-annotation": "myAnnotationValue", "example.com/by": "patch" })
})

conformance(`${prefix} should support MutatingAdmissionPolicy API operations [Conformance]`, async (t) => {
  await expectDiscovered(t, refs.mutatingadmissionpolicies)
  await expectApiOperations(t, refs.mutatingadmissionpolicies, (name) =>
    policy(name, [configuration("Object{spec: Object.spec{replicas: 3}}")]),
  )
})

conformance(`${prefix} should support MutatingAdmissionPolicyBinding API operations [Conformance]`, async (t) => {
  await expectDiscovered(t, refs.mutatingadmissionpolicybindings)
  await expectApiOperations(t, refs.mutatingadmissionpolicybindings, (name) => ({
    apiVersion,
    kind: "MutatingAdmissionPolicyBinding" as const,
    metadata: { name },
    spec: { policyName: "replicalimit-policy.example.com" },
  }))
})
