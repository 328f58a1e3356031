import assert from "node:assert/strict"
import { test } from "node:test"
import { type autoscalingv2, refs } from "@ladya/api"
import { findCondition } from "@ladya/apimachinery"
import { podTemplate, startCluster } from "./cluster.ts"

const inDefault = { namespace: "default" }

test("the bounds hold, and what is wrong with a target or its metrics is said", async (context) => {
  const { client, until } = await startCluster(context, {
    only: ["horizontal-pod-autoscaler", "deployment", "replicaset"],
  })
  const autoscalers = client.resource(refs.horizontalpodautoscalers)
  const deployments = client.resource(refs.deployments)
  const labels = { app: "web" }
  const create = (name: string, target: string) =>
    autoscalers.create({
      apiVersion: "autoscaling/v2",
      kind: "HorizontalPodAutoscaler",
      metadata: { name, namespace: "default" },
      spec: {
        scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: target },
        minReplicas: 2,
        maxReplicas: 4,
      },
    })
  const has = async (name: string, type: string, reason: string): Promise<boolean> => {
    const { status } = await autoscalers.get(name, inDefault)
    return findCondition<autoscalingv2.HorizontalPodAutoscalerCondition>(status?.conditions, type)?.reason === reason
  }
  await create("lost", "nothing")
  await until("the missing target", () => has("lost", "AbleToScale", "FailedGetScale"))

  await deployments.create({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "web", namespace: "default" },
    spec: { replicas: 1, selector: { matchLabels: labels }, template: podTemplate(labels) },
  })
  await create("web", "web")
  await until("two replicas", async () => (await deployments.get("web", inDefault)).spec?.replicas === 2)
  // No node tells what its pods use here.
  await until("the missing metric", () => has("web", "ScalingActive", "FailedGetResourceMetric"))
  assert.equal((await autoscalers.get("web", inDefault)).status?.currentReplicas, 2)
  await deployments.patch("web", "merge", { spec: { replicas: 9 } }, inDefault)
  await until("the maximum", async () => (await deployments.get("web", inDefault)).spec?.replicas === 4)
  await deployments.patch("web", "merge", { spec: { replicas: 0 } }, inDefault)
  await until("nothing is done for what was switched off", () => has("web", "ScalingActive", "ScalingDisabled"))
  assert.equal((await deployments.get("web", inDefault)).spec?.replicas, 0)
})
