import assert from "node:assert/strict"
import { type corev1, refs } from "@ladya/api"
import { isStatus } from "@ladya/apimachinery"
import type { ConformanceContext } from "../support/context.ts"
import { sleepingPod } from "../support/pods.ts"
import { conformance } from "../support/registry.ts"
import { startWatch } from "../support/watches.ts"
import { selectorText, untilGone } from "../support/workloads.ts"

const ranges = refs.limitranges

function newRange(
  namespace: string,
  name: string,
  limit: Partial<corev1.LimitRangeItem>,
  labels: Record<string, string> = {},
): corev1.LimitRange {
  return {
    apiVersion: "v1",
    kind: "LimitRange",
    metadata: { namespace, name, labels },
    spec: { limits: [{ type: "Container", ...limit }] },
  }
}

const amounts = (cpu: string, memory: string, storage: string) => ({ cpu, memory, "ephemeral-storage": storage })

conformance(
  "[sig-scheduling] LimitRange should create a LimitRange with defaults and ensure pod has those defaults applied. [Conformance]",
  async (t) => {
    const namespace = await t.namespace()
    const resource = t.client.resource(ranges)
    const limit = {
      min: amounts("50m", "100Mi", "100Gi"),
      max: amounts("500m", "500Mi", "500Gi"),
      default: amounts("500m", "500Mi", "500Gi"),
      defaultRequest: amounts("100m", "200Mi", "200Gi"),
    }
    const label = { e2e: t.unique("limit") }
    const watch = startWatch(t, ranges, { namespace, labelSelector: selectorText(label) })
    const created = await resource.create(newRange(namespace, "limit-range", limit, label))
    await watch.next("added", ({ type }) => type === "ADDED")
    assert.deepEqual((await resource.get("limit-range", { namespace })).spec, created.spec)

    // Nodes need not have so much: the pods are looked at, not run.
    const create = async (name: string, resources?: corev1.ResourceRequirements) => {
      const pod = sleepingPod(namespace, name, {}, resources ? { resources } : {})
      return (await t.client.resource(refs.pods).create(pod)).spec?.containers[0]?.resources
    }
    await t.until("defaults to be applied", async () => {
      const found = await create(t.unique("pod-no-resources"))
      return found?.limits !== undefined && assertSame(found, { requests: limit.defaultRequest, limits: limit.default })
    })
    const requests = amounts("300m", "150Mi", "150Gi")
    const partly = await create("pod-partial-resources", {
      requests: { cpu: "300m", memory: "150Mi" },
      limits: { cpu: "300m" },
    })
    assert.deepEqual(partly?.requests, { cpu: "300m", memory: "150Mi", "ephemeral-storage": "200Gi" })
    assert.deepEqual(partly?.limits, { cpu: "300m", memory: "500Mi", "ephemeral-storage": "500Gi" })

    const small = { requests: amounts("10m", "50Mi", "50Gi") }
    const large = { limits: amounts("600m", "600Mi", "600Gi"), requests }
    await expectRefused(create("too-small", small), "minimum cpu usage per Container is 50m, but request is 10m")
    await expectRefused(create("too-large", large), "maximum cpu usage per Container is 500m, but limit is 600m")

    const draft = structuredClone(created) as corev1.LimitRange
    const [first] = draft.spec?.limits ?? []
    assert.ok(first)
    first.min = amounts("9m", "49Mi", "49Gi")
    await resource.update(draft)
    await watch.next("updated", ({ object }) => object.spec?.limits[0]?.min?.["cpu"] === "9m")
    await t.until("the small pod to be taken", () => create("small-enough", small))
    await expectRefused(create("still-too-large", large), "maximum cpu usage per Container is 500m")

    await resource.delete("limit-range", { namespace })
    await untilGone(t, ranges, { name: "limit-range", namespace })
    await t.until("the large pod to be taken", () => create("large", large))
  },
)

function assertSame(found: unknown, wanted: unknown): true {
  assert.deepEqual(found, wanted)
  return true
}

async function expectRefused(attempt: Promise<unknown>, message: string): Promise<void> {
  await assert.rejects(attempt, (error) => {
    assert.ok(isStatus(error, "Forbidden"))
    assert.ok(error.message.includes(message), error.message)
    return true
  })
}

conformance(
  "[sig-scheduling] LimitRange should list, patch and delete a LimitRange by collection [Conformance]",
  async (t: ConformanceContext) => {
    const [one, two] = [await t.namespace(), await t.namespace()]
    const resource = t.client.resource(ranges)
    const own = { "e2e-limitrange": t.unique("limit") }
    const labelSelector = selectorText(own)
    const limit = {
      min: { cpu: "50m" },
      max: { cpu: "500m" },
      default: { cpu: "500m" },
      defaultRequest: { cpu: "100m" },
    }
    for (const namespace of [one, two]) await resource.create(newRange(namespace, "e2e-limitrange", limit, own))
    assert.equal((await resource.list({ labelSelector })).items.length, 2)
    const spec = { limits: [{ type: "Container", ...limit, max: { cpu: "600m" } }] }
    const body = { metadata: { labels: { patched: "true" } }, spec }
    const patched = await resource.patch("e2e-limitrange", "strategic", body, { namespace: one })
    assert.equal(patched.metadata.labels?.["patched"], "true")
    assert.deepEqual(patched.spec?.limits[0]?.max, { cpu: "600m" })
    await resource.deleteCollection({ namespace: one, labelSelector: "patched=true" })
    await t.until("one of the two to be gone", async () => {
      return (await resource.list({ labelSelector })).items.length === 1
    })
    const [left] = (await resource.list({ labelSelector })).items
    assert.equal(left?.metadata.namespace, two)
  },
)
