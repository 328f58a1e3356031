import assert from "node:assert/strict"
import { test } from "node:test"
import type { corev1, discoveryv1 } from "@ladya/api"
import { newRandom } from "@ladya/util"
import { planSlices } from "./plan.ts"

type Slice = discoveryv1.EndpointSlice

const service: corev1.Service = {
  apiVersion: "v1",
  kind: "Service",
  metadata: { namespace: "ns", name: "web", uid: "s" },
  spec: { selector: { app: "web" }, clusterIP: "10.96.0.9" },
}
const ports = [{ name: "http", port: 80, protocol: "TCP" }]

function endpoint(id: number, ready: boolean): discoveryv1.Endpoint {
  return {
    addresses: [`10.244.${id >> 8}.${id & 255}`],
    conditions: { ready, serving: ready, terminating: false },
    targetRef: { kind: "Pod", name: `p${id}`, uid: `u${id}` },
  }
}

test("whatever comes and goes: each endpoint is in one slice, none is too full, few are written (random runs)", () => {
  for (let seed = 1; seed <= 100; seed++) {
    const random = newRandom(seed)
    const maxPerSlice = 1 + Math.floor(random() * 8)
    let slices: Slice[] = []
    let names = 0
    const present = new Map<number, boolean>()
    for (let round = 0; round < 20; round++) {
      for (let change = 0; change < 5; change++) {
        const id = Math.floor(random() * 40)
        if (random() < 0.4) present.delete(id)
        else present.set(id, random() < 0.7)
      }
      const endpoints = [...present].map(([id, ready]) => endpoint(id, ready))
      const groups = endpoints.length > 0 ? [{ ports, endpoints }] : []
      const input = { service, addressType: "IPv4" as const, groups, existing: slices, maxPerSlice }
      const plan = planSlices(input)
      const changed = new Map(plan.update.map((slice) => [slice.metadata.name, slice]))
      const removed = new Set(plan.remove.map((slice) => slice.metadata.name))
      slices = slices
        .filter((slice) => !removed.has(slice.metadata.name))
        .map((slice) => changed.get(slice.metadata.name) ?? slice)
      for (const slice of plan.create) slices.push({ ...slice, metadata: { ...slice.metadata, name: `n${++names}` } })
      const all = slices.flatMap((slice) => slice.endpoints ?? [])
      const where = `seed ${seed}, round ${round}`
      assert.equal(new Set(all.map((one) => one.targetRef?.uid)).size, all.length, `${where}: twice`)
      assert.equal(all.length, present.size, `${where}: missing`)
      assert.ok(
        slices.every((slice) => (slice.endpoints ?? []).length <= maxPerSlice),
        `${where}: too full`,
      )
      assert.ok(plan.create.length === 0 || plan.remove.length === 0, `${where}: created and removed at once`)
      assert.ok(slices.length >= 1, `${where}: no placeholder`)
      const again = planSlices({ ...input, existing: slices })
      assert.deepEqual(again, { create: [], update: [], remove: [] }, `${where}: not at rest`)
    }
  }
})
