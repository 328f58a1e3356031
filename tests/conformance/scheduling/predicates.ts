import assert from "node:assert/strict"
import { refs } from "@ladya/api"
import { addQuantities, parseQuantity } from "@ladya/apimachinery"
import type { ConformanceContext } from "../support/context.ts"
import { runPod, sleepingPod } from "../support/pods.ts"
import { conformance } from "../support/registry.ts"
import { exactly, onNode, untilUnschedulable, usableNodes } from "./helpers.ts"

/** These touch nothing that others use. */
const together = { serial: false }

/** Millicores of the node that no pod has asked for. */
async function freeMillicores(t: ConformanceContext, node: string): Promise<number> {
  const { status } = await t.client.resource(refs.nodes).get(node)
  const { items } = await t.client.resource(refs.pods).list({ fieldSelector: `spec.nodeName=${node}` })
  let used = parseQuantity("0")
  for (const pod of items) {
    if (pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed") continue
    for (const { resources } of pod.spec?.containers ?? []) {
      used = addQuantities(used, parseQuantity(resources?.requests?.["cpu"] ?? "0"))
    }
  }
  const all = parseQuantity(status?.allocatable?.["cpu"] ?? "0")
  return Number((all.nanos - used.nanos) / 1_000_000n)
}

conformance(
  "[sig-scheduling] SchedulerPredicates [Serial] validates resource limits of pods that are allowed to run [Conformance]",
  async (t) => {
    const namespace = await t.namespace()
    let least = Number.POSITIVE_INFINITY
    for (const [index, node] of (await usableNodes(t)).entries()) {
      const cpu = Math.floor((await freeMillicores(t, node)) * 0.7)
      const filler = sleepingPod(namespace, `filler-${index}`, { affinity: onNode(node) }, exactly({ cpu: `${cpu}m` }))
      await runPod(t, filler)
      least = Math.min(least, cpu)
    }
    const additional = sleepingPod(namespace, "additional-pod", {}, exactly({ cpu: `${least}m` }))
    await t.client.resource(refs.pods).create(additional)
    const { status } = await untilUnschedulable(t, namespace, "additional-pod")
    assert.match(status?.conditions?.find(({ type }) => type === "PodScheduled")?.message ?? "", /Insufficient cpu/)
  },
)

conformance(
  "[sig-scheduling] SchedulerPredicates [Serial] validates that NodeSelector is respected if not matching [Conformance]",
  async (t) => {
    const namespace = await t.namespace()
    await t.client
      .resource(refs.pods)
      .create(sleepingPod(namespace, "restricted", { nodeSelector: { label: "nonempty" } }))
    await untilUnschedulable(t, namespace, "restricted")
  },
  together,
)

conformance(
  "[sig-scheduling] SchedulerPredicates [Serial] validates that NodeSelector is respected if matching [Conformance]",
  async (t) => {
    const namespace = await t.namespace()
    const [node = ""] = await usableNodes(t)
    const key = `kubernetes.io/${t.unique("e2e")}`
    const label = (value: string | null) =>
      t.client.resource(refs.nodes).patch(node, "merge", { metadata: { labels: { [key]: value } } })
    t.defer(() => label(null))
    await label("42")
    const pod = await runPod(t, sleepingPod(namespace, "with-labels", { nodeSelector: { [key]: "42" } }))
    assert.equal(pod.spec?.nodeName, node)
  },
  together,
)

conformance(
  "[sig-scheduling] SchedulerPredicates [Serial] validates that there exists conflict between pods with same hostPort and protocol but one using 0.0.0.0 hostIP [Conformance]",
  async (t) => {
    const namespace = await t.namespace()
    const [node = ""] = await usableNodes(t)
    const { status } = await t.client.resource(refs.nodes).get(node)
    const address = status?.addresses?.find(({ type }) => type === "InternalIP")?.address ?? ""
    const affinity = onNode(node)
    const port = { containerPort: 8080, hostPort: 54322, protocol: "TCP" }
    await runPod(t, sleepingPod(namespace, "pod4", { affinity }, { ports: [port] }))
    const other = sleepingPod(namespace, "pod5", { affinity }, { ports: [{ ...port, hostIP: address }] })
    await t.client.resource(refs.pods).create(other)
    await untilUnschedulable(t, namespace, "pod5")
  },
  together,
)
