import assert from "node:assert/strict"
import { refs } from "@ladya/api"
import { conformance } from "../support/registry.ts"

conformance(
  "[sig-architecture] Conformance Tests should have at least two untainted nodes [Conformance]",
  async (t) => {
    const { items } = await t.client.resource(refs.nodes).list()
    const usable = items.filter(({ spec, status }) => {
      const isReady = status?.conditions?.some((one) => one.type === "Ready" && one.status === "True")
      const isTainted = spec?.taints?.some(({ effect }) => effect !== "PreferNoSchedule")
      return isReady && !isTainted && !spec?.unschedulable
    })
    assert.ok(usable.length >= 2, `${usable.length} of ${items.length} nodes are ready, schedulable and untainted`)
  },
)
