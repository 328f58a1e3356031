import assert from "node:assert/strict"
import { test } from "node:test"
import type { PortPlan } from "../plan.ts"
import { newFragment } from "./fragment.ts"
import { TableState } from "./table.ts"

const plan = (over: Partial<PortPlan> = {}): PortPlan => ({
  id: "default/web//TCP",
  protocol: "tcp",
  port: 80,
  clusterAddresses: ["10.96.0.50"],
  externalAddresses: [],
  sourceRanges: [],
  nodePort: undefined,
  affinitySeconds: undefined,
  internal: [{ ip: "10.244.1.5", port: 8080, local: true }],
  external: [{ ip: "10.244.1.5", port: 8080, local: true }],
  externalMasquerade: true,
  ...over,
})
const fragment = (over: Partial<PortPlan> = {}) => newFragment([plan(over)], "10.244.0.0/16")

test("a new Service adds its chain before the element that points to it", () => {
  const lines = new TableState()
    .change(new Map([["default/web", fragment()]]))
    .trim()
    .split("\n")
  const chain = lines.findIndex((line) => line.startsWith("add chain"))
  const element = lines.findIndex((line) => line.startsWith("add element ip ladya-proxy services"))
  assert.ok(chain >= 0 && element > chain, lines.join("\n"))
})

test("an unchanged Service sends nothing", () => {
  const state = new TableState()
  state.change(new Map([["default/web", fragment()]]))
  assert.equal(state.change(new Map([["default/web", fragment()]])), "")
})

test("a changed endpoint rewrites one chain and its hairpin elements alone", () => {
  const state = new TableState()
  state.change(new Map([["default/web", fragment()]]))
  const text = state.change(
    new Map([["default/web", fragment({ internal: [{ ip: "10.244.2.9", port: 8080, local: false }] })]]),
  )
  assert.match(text, /^flush chain ip ladya-proxy svc-/)
  assert.match(text, /delete element ip ladya-proxy hairpin \{ 10\.244\.1\.5 \. 10\.244\.1\.5 \}/)
  assert.doesNotMatch(text, /element ip ladya-proxy services/)
})

test("two Services with the same local endpoint share its hairpin element until both are gone", () => {
  const state = new TableState()
  const other = fragment({ id: "default/other//TCP", clusterAddresses: ["10.96.0.51"] })
  state.change(
    new Map([
      ["default/web", fragment()],
      ["default/other", other],
    ]),
  )
  assert.doesNotMatch(state.change(new Map([["default/web", undefined]])), /hairpin/)
  assert.match(state.change(new Map([["default/other", undefined]])), /delete element ip ladya-proxy hairpin/)
})

test("an address that moves to another Service in one change gets the other's verdict", () => {
  const state = new TableState()
  state.change(new Map([["default/web", fragment()]]))
  const text = state.change(
    new Map([
      ["default/new", fragment({ id: "default/new//TCP" })],
      ["default/web", undefined],
    ]),
  )
  const lines = text.split("\n")
  const drop = lines.findIndex((line) => /delete element .*services .*svc-default-web/.test(line))
  const add = lines.findIndex((line) => /add element .*services .*svc-default-new/.test(line))
  assert.ok(drop >= 0 && add > drop, text)
})

test("without endpoints the address is refused instead of forwarded", () => {
  const text = new TableState().change(
    new Map([["default/web", fragment({ internal: [], external: [], nodePort: 30080 })]]),
  )
  assert.match(text, /unserved \{ 10\.96\.0\.50 \. tcp \. 80 \}/)
  assert.match(text, /unserved-nodeports \{ tcp \. 30080 \}/)
})
