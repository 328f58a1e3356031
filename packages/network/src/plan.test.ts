import assert from "node:assert/strict"
import { test } from "node:test"
import { type NetworkNode, planNetwork, sameSubnet, tunnelMac } from "./plan.ts"

const self: NetworkNode = { name: "a", address: "172.30.0.11", podCIDR: "10.244.0.0/24" }
const link = { address: "172.30.0.11", prefixLength: 24 }

test("a node on the same link is reached straight", () => {
  const plan = planNetwork(self, link, [self, { name: "b", address: "172.30.0.12", podCIDR: "10.244.1.0/24" }])
  assert.deepEqual([...plan.routes], [["10.244.1.0/24", { via: "172.30.0.12", device: "link" }]])
  assert.equal(plan.tunnels.size, 0)
})

test("a node on another link is reached through the tunnel", () => {
  const plan = planNetwork(self, link, [{ name: "c", address: "172.31.5.9", podCIDR: "10.244.2.0/24" }])
  assert.deepEqual([...plan.routes], [["10.244.2.0/24", { via: "10.244.2.0", device: "vxlan" }]])
  assert.deepEqual([...plan.tunnels], [["0a:58:0a:f4:02:00", { nodeAddress: "172.31.5.9", gateway: "10.244.2.0" }]])
})

test("tunnel addresses differ by node", () => {
  assert.notEqual(tunnelMac("10.244.1.0/24"), tunnelMac("10.244.2.0/24"))
})

for (const [a, b, length, same] of [
  ["10.0.0.1", "10.0.0.200", 24, true],
  ["10.0.0.1", "10.0.1.1", 24, false],
  ["10.0.0.1", "10.0.1.1", 16, true],
  ["200.0.0.1", "200.0.0.2", 31, false],
] as const) {
  test(`${a} and ${b} are ${same ? "" : "not "}in one /${length}`, () => assert.equal(sameSubnet(a, b, length), same))
}
