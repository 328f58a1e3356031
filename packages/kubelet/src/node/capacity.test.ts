import assert from "node:assert/strict"
import { test } from "node:test"
import { defaultReserved, planResources } from "./capacity.ts"
import { planCni } from "./cni.ts"
import { assignment, memInfoBytes } from "./facts.ts"

const gib = 2 ** 30

test("capacity and what pods may use of it", () => {
  const facts = { cpus: 2, memoryBytes: 4 * gib, diskBytes: 100 * gib, hugePages: { 2048: 64 * 2 ** 20, 1048576: 0 } }
  assert.deepEqual(planResources(facts, { maxPods: 110, reserved: { ...defaultReserved, cpuMilli: 150 } }), {
    capacity: {
      cpu: "2",
      "ephemeral-storage": "104857600Ki",
      "hugepages-2Mi": "64Mi",
      "hugepages-1Gi": "0",
      memory: "4194304Ki",
      pods: "110",
    },
    allocatable: {
      cpu: "1850m",
      "ephemeral-storage": "102005473280",
      "hugepages-2Mi": "64Mi",
      "hugepages-1Gi": "0",
      memory: "4026368Ki",
      pods: "110",
    },
  })
})

test("CNI for two address families", () => {
  const plan = planCni({ podCIDRs: ["10.1.0.0/24", "fd00::/64"], bridge: "b", mtu: 1400, ipamDirectory: "/d" }) as {
    plugins: { ipam: { ranges: unknown; routes: unknown } }[]
  }
  assert.deepEqual(plan.plugins[0]?.ipam.ranges, [[{ subnet: "10.1.0.0/24" }], [{ subnet: "fd00::/64" }]])
  assert.deepEqual(plan.plugins[0]?.ipam.routes, [{ dst: "0.0.0.0/0" }, { dst: "::/0" }])
})

test("figures of the kernel's files are read", () => {
  const meminfo = "MemTotal:       24684084 kB\nInactive:        100 kB\nInactive(file):   50 kB\n"
  assert.equal(memInfoBytes(meminfo, "MemTotal"), 24684084 * 1024)
  assert.equal(memInfoBytes(meminfo, "Inactive(file)"), 50 * 1024)
  assert.equal(memInfoBytes(meminfo, "Missing"), 0)
  assert.equal(assignment('NAME="Debian"\nPRETTY_NAME="Debian 12"\n', "PRETTY_NAME"), "Debian 12")
})
