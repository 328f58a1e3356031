import assert from "node:assert/strict"
import { type corev1, refs } from "@ladya/api"
import { refusalOf, rule, startAdmission } from "../../support/admission.ts"
import { sleepingPod } from "../../support/pods.ts"
import { conformance } from "../../support/registry.ts"

const configMap = (namespace: string, name: string, data: Record<string, string> = {}): corev1.ConfigMap => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace },
  data,
})

conformance(
  "[sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin] should mutate configmap [Conformance]",
  async (t) => {
    const hooks = await startAdmission(t)
    const rules = [rule(["CREATE"], ["configmaps"])]
    await hooks.mutating({ path: "/mutating-configmaps", rules }, { path: "/mutating-configmaps", rules })
    await hooks.ready()
    const made = await t.client
      .resource(refs.configmaps)
      .create(configMap(hooks.namespace, "to-be-mutated", { "mutation-start": "yes" }))
    assert.deepEqual(made.data, { "mutation-start": "yes", "mutation-stage-1": "yes", "mutation-stage-2": "yes" })
  },
)

conformance(
  "[sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin] should mutate pod and apply defaults after mutation [Conformance]",
  async (t) => {
    const hooks = await startAdmission(t)
    await hooks.mutating({ path: "/mutating-pods", rules: [rule(["CREATE"], ["pods"])] })
    await hooks.ready()
    const pod = await t.client.resource(refs.pods).create(sleepingPod(hooks.namespace, "webhook-to-be-mutated"))
    const [added, ...others] = pod.spec?.initContainers ?? []
    assert.equal(others.length, 0)
    assert.equal(added?.name, "webhook-added-init-container")
    assert.equal(added.image, "webhook-added-image")
    assert.equal(added.terminationMessagePolicy, "File")
  },
)

conformance(
  "[sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin] should mutate everything except 'skip-me' configmaps [Conformance]",
  async (t) => {
    const hooks = await startAdmission(t)
    await hooks.mutating({
      path: "/mutating-configmaps",
      rules: [rule(["CREATE"], ["configmaps"])],
      matchConditions: [{ name: "exclude-skip-me", expression: "object.metadata.name != 'skip-me'" }],
    })
    await hooks.ready()
    const maps = t.client.resource(refs.configmaps)
    const data = { "mutation-start": "yes" }
    assert.deepEqual((await maps.create(configMap(hooks.namespace, "skip-me", data))).data, data)
    const mutated = await maps.create(configMap(hooks.namespace, "not-skip-me", data))
    assert.deepEqual(mutated.data, { ...data, "mutation-stage-1": "yes" })
  },
)

conformance(
  "[sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin] should not be able to mutate or prevent deletion of webhook configuration objects [Conformance]",
  async (t) => {
    const hooks = await startAdmission(t)
    const name = t.unique("dummy")
    const resources = ["validatingwebhookconfigurations", "mutatingwebhookconfigurations"]
    const group = "admissionregistration.k8s.io"
    // Only what this test makes would be hit, should the rule not hold.
    const objectSelector = { matchLabels: { dummy: name } }
    const everywhere = { namespaceSelector: {}, objectSelector }
    await hooks.validating({ path: "/always-deny", rules: [rule(["DELETE"], resources, group, ["*"])], ...everywhere })
    await hooks.mutating({ path: "/add-label", rules: [rule(["CREATE"], resources, group, ["*"])], ...everywhere })
    await hooks.ready()
    const metadata = { name, labels: { dummy: name } }
    const apiVersion = "admissionregistration.k8s.io/v1"
    const [webhook] = hooks.webhooks({ path: "/invalid", rules: [rule(["CREATE"], ["invalid"])] })
    assert.ok(webhook)
    const validating = t.client.resource(refs.validatingwebhookconfigurations)
    t.defer(() => validating.delete(name))
    const one = await validating.create({
      apiVersion,
      kind: "ValidatingWebhookConfiguration",
      metadata,
      webhooks: [webhook],
    })
    assert.equal(one.metadata.labels?.["added-label"], undefined)
    await validating.delete(name)
    const mutating = t.client.resource(refs.mutatingwebhookconfigurations)
    t.defer(() => mutating.delete(name))
    const other = await mutating.create({
      apiVersion,
      kind: "MutatingWebhookConfiguration",
      metadata,
      webhooks: [webhook],
    })
    assert.equal(other.metadata.labels?.["added-label"], undefined)
    await mutating.delete(name)
    assert.match(await refusalOf(mutating.get(name)), /not found/)
  },
)
