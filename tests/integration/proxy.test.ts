import assert from "node:assert/strict"
import { test } from "node:test"
import { type corev1, type discoveryv1, refs } from "@ladya/api"
import { newInformerFactory } from "@ladya/client"
import { newProxy } from "@ladya/proxy"
import { run, silentLogger, systemClock, waitFor } from "@ladya/util"
import { startTestServer } from "./harness.ts"

let addresses = 0
const service = (name: string, extra: corev1.ServiceSpec = {}): corev1.Service => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { name, namespace: "default" },
  spec: {
    type: "NodePort",
    clusterIP: `10.96.1.${++addresses}`,
    ports: [{ name: "http", port: 80, targetPort: 8080, protocol: "TCP", nodePort: 30_000 + addresses }],
    ...extra,
  },
})

const slice = (name: string, addresses: string[]): discoveryv1.EndpointSlice => ({
  apiVersion: "discovery.k8s.io/v1",
  kind: "EndpointSlice",
  metadata: { name: `${name}-1`, namespace: "default", labels: { "kubernetes.io/service-name": name } },
  addressType: "IPv4",
  ports: [{ name: "http", port: 8080, protocol: "TCP" }],
  endpoints: addresses.map((address) => ({
    addresses: [address],
    nodeName: "node-1",
    conditions: { ready: true, serving: true, terminating: false },
  })),
})

/** A network namespace of this test's own, whose kernel takes the real rules. */
async function newNetns(t: { after(fn: () => Promise<unknown>): void }): Promise<(script: string) => Promise<void>> {
  const name = `ladya-proxy-${process.pid}`
  await run("ip", ["netns", "add", name])
  t.after(() => run("ip", ["netns", "del", name]))
  return async (script) => {
    await run("ip", ["netns", "exec", name, "nft", "-f", "-"], script)
  }
}

test("rules follow the API by increments that the kernel takes", async (t) => {
  const { client } = await startTestServer(t)
  await client.resource(refs.namespaces).create({ apiVersion: "v1", kind: "Namespace", metadata: { name: "default" } })
  const informers = newInformerFactory({ client, clock: systemClock, log: silentLogger })
  await informers.start()
  const kernel = await newNetns(t)
  const scripts: string[] = []
  const proxy = newProxy({
    informers,
    clock: systemClock,
    log: silentLogger,
    config: { nodeName: "node-1", clusterCIDR: "10.244.0.0/16", serviceCIDR: "10.96.0.0/16" },
    apply: async (script) => {
      await kernel(script)
      scripts.push(script)
    },
  })
  t.after(async () => {
    await proxy.stop(AbortSignal.timeout(1000))
    await informers.stop(AbortSignal.timeout(1000))
  })
  const services = client.resource(refs.services)
  const slices = client.resource(refs.endpointslices)
  for (let i = 0; i < 20; i++) {
    await services.create(service(`other-${i}`))
    await slices.create(slice(`other-${i}`, ["10.244.9.9"]))
  }
  await proxy.start()
  const until = (description: string, condition: () => boolean) =>
    waitFor(systemClock, condition, { description, timeoutMs: 60_000, intervalMs: 10 })
  await until("the first rules", () => scripts.join("").includes("svc-default-other-19"))

  const after = (): number => scripts.length
  const added = after()
  const made = await services.create(service("web", { sessionAffinity: "ClientIP" }))
  await slices.create(slice("web", ["10.244.1.5", "10.244.1.6"]))
  await until("the new Service", () => scripts.slice(added).join("").includes("10.244.1.6:8080"))
  const addedText = scripts.slice(added).join("")
  assert.ok(addedText.includes(`${made.spec?.clusterIP} . tcp . 80`))
  assert.doesNotMatch(addedText, /other-/, "other Services were sent again")

  const changed = after()
  const current = await slices.get("web-1", { namespace: "default" })
  await slices.update({ ...current, endpoints: slice("web", ["10.244.1.7"]).endpoints ?? [] })
  await until("the changed endpoint", () => scripts.slice(changed).join("").includes("10.244.1.7:8080"))

  const deleted = after()
  await services.delete("web", { namespace: "default" })
  await until("the deletion", () => scripts.slice(deleted).join("").includes("delete chain"))
  assert.doesNotMatch(scripts.slice(deleted).join(""), /other-/)
})

test("rules that the kernel refused are made anew as a whole", async (t) => {
  const { client } = await startTestServer(t)
  await client.resource(refs.namespaces).create({ apiVersion: "v1", kind: "Namespace", metadata: { name: "default" } })
  const informers = newInformerFactory({ client, clock: systemClock, log: silentLogger })
  await informers.start()
  const scripts: string[] = []
  let refuse = false
  const proxy = newProxy({
    informers,
    clock: systemClock,
    log: silentLogger,
    config: { nodeName: "node-1", clusterCIDR: "10.244.0.0/16", serviceCIDR: "10.96.0.0/16" },
    apply: async (script) => {
      if (refuse) {
        refuse = false
        throw new Error("busy")
      }
      scripts.push(script)
    },
  })
  await proxy.start()
  t.after(async () => {
    await proxy.stop(AbortSignal.timeout(1000))
    await informers.stop(AbortSignal.timeout(1000))
  })
  refuse = true
  await client.resource(refs.services).create(service("web"))
  await waitFor(
    systemClock,
    () => scripts.at(-1)?.startsWith("table ip ladya-proxy\ndelete table") && scripts.at(-1)?.includes("tcp . 80"),
    {
      description: "the whole table",
      timeoutMs: 60_000,
    },
  )
})
