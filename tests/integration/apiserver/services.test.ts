import assert from "node:assert/strict"
import { test } from "node:test"
import { type corev1, refs } from "@ladya/api"
import { isStatus } from "@ladya/apimachinery"
import { startTestServer } from "../harness.ts"

const service = (name: string, spec: Partial<corev1.ServiceSpec> = {}): corev1.Service => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name, namespace: "default" },
  spec: { ports: [{ port: 80 }], selector: { app: name }, ...spec },
})
const place = { namespace: "default" }

test("addresses and node ports: no two the same under parallel creates, free again after a deletion", async (t) => {
  const { client } = await startTestServer(t, {
    config: { serviceCidr: "10.96.0.0/28", nodePorts: { from: 30000, to: 30013 } },
  })
  const services = client.resource(refs.services)
  const made = await Promise.all(
    Array.from({ length: 14 }, (_, index) => services.create(service(`s${index}`, { type: "NodePort" }))),
  )
  assert.equal(new Set(made.map((one) => one.spec?.clusterIP)).size, 14)
  assert.equal(new Set(made.map((one) => one.spec?.ports?.[0]?.nodePort)).size, 14)
  await assert.rejects(services.create(service("more")), /range is full/)
  await services.delete("s3", place)
  const again = await services.create(service("again", { type: "NodePort" }))
  assert.equal(again.spec?.clusterIP, made[3]?.spec?.clusterIP)
  assert.equal(again.spec?.ports?.[0]?.nodePort, made[3]?.spec?.ports?.[0]?.nodePort)
})

test("asking for what is taken, or not in the range, is refused", async (t) => {
  const { client } = await startTestServer(t)
  const services = client.resource(refs.services)
  const first = await services.create(service("first", { clusterIP: "10.96.0.10", type: "NodePort" }))
  assert.deepEqual(first.spec?.clusterIPs, ["10.96.0.10"])
  const nodePort = first.spec?.ports?.[0]?.nodePort ?? 0
  const refused = (spec: Partial<corev1.ServiceSpec>, message: RegExp) =>
    assert.rejects(services.create(service("second", spec)), (error) => {
      assert.ok(isStatus(error, "Invalid"))
      assert.match(error.message, message)
      return true
    })
  await refused(
    { clusterIP: "10.96.0.10" },
    /^Service "second" is invalid: spec.clusterIPs: Invalid value: \["10.96.0.10"\]: failed to allocate IP 10.96.0.10: provided IP is already allocated$/,
  )
  await refused({ clusterIP: "1.2.3.4" }, /The range of valid IPs is 10.96.0.0\/16/)
  await refused(
    { type: "NodePort", ports: [{ port: 80, nodePort }] },
    /spec.ports\[0\].nodePort: Invalid value: \d+: provided port is already allocated/,
  )
  await refused({ type: "NodePort", ports: [{ port: 80, nodePort: 80 }] }, /range of valid ports is 30000-32767/)
  assert.deepEqual((await services.create(service("headless", { clusterIP: "None" }))).spec?.clusterIPs, ["None"])
  const dry = await services.create(service("dry"), { dryRun: true })
  assert.ok(dry.spec?.clusterIP)
  await services.create(service("static", { clusterIP: dry.spec.clusterIP }))
})

test("a Service keeps its address, whatever an update asks for", async (t) => {
  const { client } = await startTestServer(t)
  const services = client.resource(refs.services)
  await services.create(service("a"))
  for (const clusterIP of ["10.96.0.99", "1.2.3.4"]) {
    const spec = { clusterIP, clusterIPs: [clusterIP] }
    await assert.rejects(services.patch("a", "merge", { spec }, place), (error) => {
      assert.ok(isStatus(error, "Invalid"))
      assert.equal(
        error.message,
        `Service "a" is invalid: spec.clusterIPs[0]: Invalid value: ["${clusterIP}"]: may not change once set`,
      )
      return true
    })
  }
})

test("a change of type takes and gives back node ports", async (t) => {
  const { client } = await startTestServer(t, { config: { nodePorts: { from: 30000, to: 30000 } } })
  const services = client.resource(refs.services)
  await services.create(service("a"))
  const open = await services.patch("a", "merge", { spec: { type: "NodePort" } }, place)
  assert.equal(open.spec?.ports?.[0]?.nodePort, 30000)
  const closed = await services.patch("a", "merge", { spec: { type: "ClusterIP" } }, place)
  assert.equal(closed.spec?.ports?.[0]?.nodePort, undefined)
  assert.equal(closed.spec?.clusterIP, open.spec?.clusterIP)
  await services.create(service("b", { type: "NodePort" }))
  const external = await services.patch(
    "a",
    "merge",
    { spec: { type: "ExternalName", externalName: "example.com", clusterIP: null, clusterIPs: null } },
    place,
  )
  assert.equal(external.spec?.clusterIP, undefined)
})
