import assert from "node:assert/strict"
import { type corev1, refs } from "@ladya/api"
import { refusalOf, rule, startAdmission } from "../../support/admission.ts"
import { sleepingPod } from "../../support/pods.ts"
import { conformance } from "../../support/registry.ts"

const disallowed = { "webhook-e2e-test": "webhook-disallow" }

const configMap = (namespace: string, name: string, data: Record<string, string> = {}): corev1.ConfigMap => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace },
  data,
})

conformance(
  "[sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin] should be able to deny pod and configmap creation [Conformance]",
  async (t) => {
    const hooks = await startAdmission(t)
    const { namespace } = hooks
    await hooks.validating(
      { path: "/pods", rules: [rule(["CREATE"], ["pods"])], timeoutSeconds: 10 },
      {
        path: "/configmaps",
        rules: [rule(["CREATE", "UPDATE", "DELETE"], ["configmaps"])],
        namespaceSelector: {
          matchExpressions: [{ key: "skip-webhook-admission", operator: "NotIn", values: ["yes"] }],
        },
        objectSelector: {},
        name: "deny-unwanted-configmap-data.k8s.io",
        matchConditions: [{ name: "namespace", expression: `request.namespace.startsWith('conformance-')` }],
      },
      {
        path: "/always-deny",
        name: "fail-closed-hang.k8s.io",
        failurePolicy: "Fail",
        rules: [rule(["CREATE"], ["secrets"])],
      },
    )
    await hooks.ready()
    const pods = t.client.resource(refs.pods)
    const bad = sleepingPod(namespace, "disallowed-pod", {}, { name: "webhook-disallow" })
    const labelled = { ...bad, metadata: { ...bad.metadata, labels: { ...disallowed } } }
    const message = await refusalOf(pods.create(labelled))
    assert.match(message, /the pod contains unwanted container name/)
    assert.match(message, /the pod contains unwanted label/)

    const hanging = sleepingPod(namespace, "hanging-pod")
    hanging.metadata.labels = { "webhook-e2e-test": "wait-forever" }
    const late = await refusalOf(pods.create(hanging))
    assert.match(late, /webhook/)
    assert.match(late, /deadline/)
    assert.match(await refusalOf(pods.get("hanging-pod", { namespace })), /not found/)

    const maps = t.client.resource(refs.configmaps)
    const unwanted = /the configmap contains unwanted key and value/
    assert.match(await refusalOf(maps.create(configMap(namespace, "disallowed-configmap", disallowed))), unwanted)
    const allowed = await maps.create(configMap(namespace, "allowed-configmap", { admit: "this" }))
    assert.match(await refusalOf(maps.update({ ...allowed, data: disallowed })), unwanted)
    assert.match(
      await refusalOf(maps.patch("allowed-configmap", "merge", { data: disallowed }, { namespace })),
      unwanted,
    )
    const spared = await t.namespace({ "skip-webhook-admission": "yes" })
    await maps.create(configMap(spared, "disallowed-configmap", disallowed))
  },
)

conformance(
  "[sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin] should be able to deny attaching pod [Conformance]",
  async (t) => {
    const hooks = await startAdmission(t)
    const { namespace } = hooks
    await hooks.validating({ path: "/pods/attach", rules: [rule(["CONNECT"], ["pods/attach"])] })
    await hooks.ready()
    const name = "to-be-attached-pod"
    await t.client.resource(refs.pods).create(sleepingPod(namespace, name))
    await t.until("the pod to run", async () => {
      const { status } = await t.client.resource(refs.pods).get(name, { namespace })
      return status?.phase === "Running"
    })
    const outcome = await t.tryKubectl(["attach", name, "-n", namespace, "-i", "-c", "main"])
    assert.notEqual(outcome.code, 0)
    assert.match(outcome.stderr + outcome.stdout, /attaching to pod 'to-be-attached-pod' is not allowed/)
  },
)

conformance(
  "[sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin] should unconditionally reject operations on fail closed webhook [Conformance]",
  async (t) => {
    const hooks = await startAdmission(t)
    const { namespace } = hooks
    const configuration = await hooks.validating({ path: "/configmaps", rules: [rule(["CREATE"], ["configmaps"])] })
    await hooks.ready()
    // Without the authority's certificate the server cannot be trusted, so it cannot be asked.
    const webhooks = structuredClone(configuration.webhooks ?? [])
    for (const webhook of webhooks) {
      if (webhook.name !== "marker.conformance.example.com") delete webhook.clientConfig.caBundle
    }
    await t.client.resource(refs.validatingwebhookconfigurations).update({ ...configuration, webhooks })
    await t.until("configmaps to be refused", async () => {
      const name = t.unique("map")
      try {
        await t.client.resource(refs.configmaps).create(configMap(namespace, name))
        return false
      } catch (error) {
        const { reason, message } = error as Error & { reason: string }
        assert.equal(reason, "InternalError")
        assert.match(message, /failed calling webhook/)
        return true
      }
    })
  },
)

conformance(
  "[sig-api-machinery] AdmissionWebhook [Privileged:ClusterAdmin] should honor timeout [Conformance]",
  async (t) => {
    const hooks = await startAdmission(t)
    const { namespace } = hooks
    const create = (name: string) => t.client.resource(refs.configmaps).create(configMap(namespace, name))
    const cases = [
      { timeoutSeconds: 1, failurePolicy: "Fail", passes: false },
      { timeoutSeconds: 1, failurePolicy: "Ignore", passes: true },
      { timeoutSeconds: 10, failurePolicy: "Fail", passes: true },
      { timeoutSeconds: undefined, failurePolicy: "Fail", passes: true },
    ]
    for (const [index, { timeoutSeconds, failurePolicy, passes }] of cases.entries()) {
      const { metadata } = await hooks.validating({
        path: "/always-allow-delay-5s",
        rules: [rule(["CREATE"], ["configmaps"])],
        failurePolicy,
        ...(timeoutSeconds ? { timeoutSeconds } : {}),
      })
      await hooks.ready()
      if (passes) await create(`slow-${index}`)
      else {
        const message = await refusalOf(create(`slow-${index}`))
        assert.match(message, /context deadline exceeded|timeout/)
        assert.match(message, /\/always-allow-delay-5s\?timeout=1s/)
      }
      await t.client.resource(refs.validatingwebhookconfigurations).delete(metadata.name ?? "")
    }
  },
)
