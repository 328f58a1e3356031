import assert from "node:assert/strict"
import { test } from "node:test"
import type { resourcev1 } from "@ladya/api"
import { newNode } from "../testing/objects.ts"
import { Allocator } from "./allocator.ts"
import { devicesOf, newestPools } from "./pools.ts"
import { deviceViewOf } from "./view.ts"

const driver = "gpu.example.com"
const node = newNode("a")

const device = (name: string, more: object = {}): resourcev1.Device => ({
  name,
  attributes: { model: { string: "big" }, index: { int: Number(name.at(-1)) }, firmware: { version: "1.2.3" } },
  capacity: { memory: { value: "16Gi" } },
  ...more,
})

const slice = (
  devices: resourcev1.Device[],
  change: Partial<resourcev1.ResourceSliceSpec> = {},
): resourcev1.ResourceSlice => ({
  apiVersion: "resource.k8s.io/v1",
  kind: "ResourceSlice",
  metadata: { name: `s-${change.pool?.generation ?? 1}` },
  spec: { driver, nodeName: "a", pool: { name: "a", generation: 1, resourceSliceCount: 1 }, devices, ...change },
})

const deviceClass = (expression = `device.driver == "${driver}"`): resourcev1.DeviceClass => ({
  apiVersion: "resource.k8s.io/v1",
  kind: "DeviceClass",
  metadata: { name: "gpu" },
  spec: { selectors: [{ cel: { expression } }] },
})

const claim = (name: string, devices: resourcev1.DeviceClaim): resourcev1.ResourceClaim => ({
  apiVersion: "resource.k8s.io/v1",
  kind: "ResourceClaim",
  metadata: { name, namespace: "default", uid: name },
  spec: { devices },
})

const request = (name: string, more: object = {}) => ({
  name,
  exactly: { deviceClassName: "gpu", allocationMode: "ExactCount", count: 1, ...more },
})
const cel = (expression: string) => ({ selectors: [{ cel: { expression } }] })

function allocate(
  claims: resourcev1.ResourceClaim[],
  slices: resourcev1.ResourceSlice[],
  inUse: string[] = [],
): string[][] | undefined {
  const view = deviceViewOf({ claims, slices, classes: [deviceClass()] })
  const allocator = new Allocator({ view, node, devices: devicesOf(node, newestPools(slices)), inUse: new Set(inUse) })
  return allocator
    .allocate(claims)
    ?.map(({ result }) => (result.devices?.results ?? []).map((one) => `${one.request}=${one.device}`))
}

const three = [slice([device("gpu-0"), device("gpu-1"), device("gpu-2")])]

test("devices that are free are given, each once", () => {
  const two = claim("c", { requests: [request("r", { count: 2 })] })
  assert.deepEqual(allocate([two], three), [["r=gpu-0", "r=gpu-1"]])
  assert.deepEqual(allocate([two], three, [`${driver}/a/gpu-0`]), [["r=gpu-1", "r=gpu-2"]])
  assert.equal(allocate([two], three, [`${driver}/a/gpu-0`, `${driver}/a/gpu-1`]), undefined)
  const other = claim("d", { requests: [request("r")] })
  assert.deepEqual(allocate([two, other], three), [["r=gpu-0", "r=gpu-1"], ["r=gpu-2"]])
})

test("selectors look at attributes, versions and capacities by the domain of the driver", () => {
  const chosen = (expression: string) =>
    allocate([claim("c", { requests: [request("r", cel(expression))] })], three)?.[0]
  const own = `device.attributes["${driver}"]`
  assert.deepEqual(chosen(`${own}.index == 1`), ["r=gpu-1"])
  assert.deepEqual(chosen(`${own}.firmware.isGreaterThan(semver("1.0.0")) && ${own}.index > 1`), ["r=gpu-2"])
  assert.deepEqual(chosen(`device.capacity["${driver}"].memory.compareTo(quantity("8Gi")) > 0`), ["r=gpu-0"])
  assert.equal(chosen(`device.capacity["${driver}"].memory.isGreaterThan(quantity("32Gi"))`), undefined)
  assert.equal(chosen('"model" in device.attributes["other.example.com"]'), undefined)
  assert.throws(() => chosen("device.nonsense"), /CEL expression "device.nonsense"/)
})

test("constraints: the same attribute, or all different", () => {
  const numa = (name: string, value: number) => device(name, { attributes: { numa: { int: value } } })
  const slices = [slice([numa("g0", 0), numa("g1", 1), numa("g2", 1)])]
  const requests = [request("one"), request("two")]
  const same = claim("c", { requests, constraints: [{ matchAttribute: `${driver}/numa` }] })
  assert.deepEqual(allocate([same], slices), [["one=g1", "two=g2"]])
  const distinct = claim("c", { requests, constraints: [{ distinctAttribute: `${driver}/numa` }] })
  assert.deepEqual(allocate([distinct], slices), [["one=g0", "two=g1"]])
})

test("all devices, alternatives, taints", () => {
  assert.deepEqual(allocate([claim("c", { requests: [request("r", { allocationMode: "All" })] })], three), [
    ["r=gpu-0", "r=gpu-1", "r=gpu-2"],
  ])
  const all = claim("c", { requests: [request("r", { allocationMode: "All" })] })
  assert.equal(allocate([all], three, [`${driver}/a/gpu-0`]), undefined)
  const sub = (name: string, count: number) => ({ name, deviceClassName: "gpu", allocationMode: "ExactCount", count })
  const either = claim("c", { requests: [{ name: "r", firstAvailable: [sub("many", 5), sub("few", 1)] }] })
  assert.deepEqual(allocate([either], three), [["r/few=gpu-0"]])
  const tainted = [slice([device("gpu-0", { taints: [{ key: "broken", effect: "NoSchedule" }] }), device("gpu-1")])]
  assert.deepEqual(allocate([claim("c", { requests: [request("r")] })], tainted), [["r=gpu-1"]])
  const bearing = request("r", { tolerations: [{ key: "broken", operator: "Exists" }] })
  assert.deepEqual(allocate([claim("c", { requests: [bearing] })], tainted), [["r=gpu-0"]])
})

test("only whole pools of the newest generation, and only those the node reaches", () => {
  const pool = (generation: number, resourceSliceCount: number) => ({
    pool: { name: "a", generation, resourceSliceCount },
  })
  const one = [claim("c", { requests: [request("r")] })]
  assert.deepEqual(allocate(one, [slice([device("old-0")], pool(1, 1)), slice([device("new-0")], pool(2, 1))]), [
    ["r=new-0"],
  ])
  assert.equal(allocate(one, [slice([device("gpu-0")], pool(1, 2))]), undefined)
  assert.equal(allocate(one, [slice([device("gpu-0")], { nodeName: "b" })]), undefined)
})
