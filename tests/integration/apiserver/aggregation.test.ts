import assert from "node:assert/strict"
import { type TestContext, test } from "node:test"
import { connect } from "node:tls"
import { type apiregistrationv1, refs } from "@ladya/api"
import { findCondition, type KubeObject, type ResourceRef } from "@ladya/apimachinery"
import { newControllers } from "@ladya/controllers"
import { newMemoryStore } from "@ladya/store"
import { MetricsRegistry, newRandom, silentLogger, systemClock, waitFor } from "@ladya/util"
import { type ExtensionServer, group, startExtensionServer, version } from "../extension-server.ts"
import { type SecureServer, startSecureServer } from "../secure-server.ts"

const clock = systemClock
const patience = { timeoutMs: 30_000, intervalMs: 20 }
const name = `${version}.${group}`
const root = `/apis/${group}/${version}`
const flunder = {
  apiVersion: `${group}/${version}`,
  kind: "Flunder",
  metadata: { name: "dash" },
  spec: { reference: "r" },
}

const flunderRef: ResourceRef<KubeObject> = { group, version, resource: "flunders", kind: "Flunder", namespaced: true }

async function startCluster(t: TestContext): Promise<{ server: SecureServer; extension: ExtensionServer }> {
  const store = newMemoryStore({ clock })
  const server = await startSecureServer(t, store)
  const serving = await server.pki.issueServingCertificate({
    commonName: "sample-api",
    dnsNames: ["sample-api.wardle.svc"],
  })
  const extension = await startExtensionServer(server.client, serving)
  t.after(() => extension.stop())
  await server.client
    .resource(refs.namespaces)
    .create({ apiVersion: "v1", kind: "Namespace", metadata: { name: "wardle" } })
  return { server, extension }
}

/** Without nodes the way to the test's own process is a Service of that name. */
async function makeService(server: SecureServer): Promise<void> {
  await server.client.resource(refs.services).create({
    apiVersion: "v1",
    kind: "Service",
    metadata: { namespace: "wardle", name: "sample-api" },
    spec: { type: "ExternalName", externalName: "localhost" },
  })
}

async function register(
  server: SecureServer,
  port: number,
  spec: Partial<apiregistrationv1.APIServiceSpec> = {},
): Promise<void> {
  await server.client.resource(refs.apiservices).create({
    apiVersion: "apiregistration.k8s.io/v1",
    kind: "APIService",
    metadata: { name },
    spec: {
      group,
      version,
      groupPriorityMinimum: 2000,
      versionPriority: 200,
      service: { namespace: "wardle", name: "sample-api", port },
      caBundle: Buffer.from(server.pki.caCertificate).toString("base64"),
      ...spec,
    },
  })
}

async function availability(server: SecureServer): Promise<apiregistrationv1.APIServiceCondition | undefined> {
  const { status } = await server.client.resource(refs.apiservices).get(name)
  return findCondition(status?.conditions, "Available") as apiregistrationv1.APIServiceCondition | undefined
}

const untilReason = (server: SecureServer, reason: string) =>
  waitFor(clock, async () => (await availability(server))?.reason === reason, { ...patience, description: reason })

test("requests to a group version with a Service go to it, as the user who makes them", async (t) => {
  const { server, extension } = await startCluster(t)
  await makeService(server)
  await register(server, extension.port)
  await untilReason(server, "Passed")
  const credentials = server.pki.admin
  const path = `${root}/namespaces/wardle/flunders`
  const made = await server.http("POST", path, {
    credentials,
    body: flunder,
    headers: { "X-Remote-User": "somebody-else", "X-Remote-Extra-Scope": "all", "Impersonate-Extra-Nothing": "" },
  })
  assert.equal(made.status, 400, "half an impersonation is refused here")
  const again = await server.http("POST", path, {
    credentials,
    body: flunder,
    headers: { "X-Remote-User": "somebody-else", "X-Remote-Extra-Scope": "all" },
  })
  assert.equal(again.status, 201)
  const headers = extension.seen.at(-1)?.headers
  assert.equal(headers?.["x-remote-user"], "kubernetes-admin")
  assert.equal(headers?.["x-remote-group"], "system:masters, system:authenticated")
  assert.equal(headers?.["x-remote-extra-scope"], undefined)
  assert.match(String(headers?.["x-remote-extra-authentication.kubernetes.io%2fcredential-id"]), /^X509SHA256=/)
  assert.equal(headers?.["authorization"], undefined)
  assert.equal(headers?.host, `sample-api.wardle.svc:${extension.port}`)

  const list = await server.http("GET", `${path}?limit=1`, { credentials })
  assert.equal(list.json.kind, "FlunderList")
  assert.equal(extension.seen.at(-1)?.path, `${path}?limit=1`)
  assert.equal((await server.http("GET", `${path}/none`, { credentials })).json.reason, "NotFound")
  assert.equal((await server.http("GET", path)).status, 403, "nobody is refused before anything is passed on")
})

test("what is not there or not well is said in the condition, and requests get 503", async (t) => {
  const { server, extension } = await startCluster(t)
  await register(server, extension.port)
  await untilReason(server, "ServiceNotFound")
  assert.equal((await availability(server))?.message, `service/sample-api in "wardle" is not present`)
  const { admin: credentials } = server.pki
  const refused = await server.http("GET", `${root}/flunders`, { credentials })
  assert.deepEqual([refused.status, refused.json], [503, "service unavailable\n"])

  await makeService(server)
  await untilReason(server, "Passed")
  extension.isHealthy = false
  await server.client.resource(refs.apiservices).patch(name, "merge", { metadata: { labels: { look: "again" } } })
  await untilReason(server, "FailedDiscoveryCheck")
  assert.match((await availability(server))?.message ?? "", /^failing or missing response from https:.*bad status from/)

  await server.client.resource(refs.services).delete("sample-api", { namespace: "wardle" })
  await untilReason(server, "ServiceNotFound")
  const service = {
    apiVersion: "v1" as const,
    kind: "Service" as const,
    metadata: { namespace: "wardle", name: "sample-api" },
  }
  await server.client.resource(refs.services).create({ ...service, spec: { ports: [{ port: 1, name: "api" }] } })
  await untilReason(server, "ServicePortError")
  const ports = [{ port: extension.port, name: "api" }]
  await server.client.resource(refs.services).patch("sample-api", "merge", { spec: { ports } }, { namespace: "wardle" })
  await untilReason(server, "EndpointsNotFound")
  await server.client.resource(refs.endpointslices).create({
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { namespace: "wardle", name: "one", labels: { "kubernetes.io/service-name": "sample-api" } },
    addressType: "IPv4",
    ports: [{ name: "api", port: 6443 }],
    endpoints: [{ addresses: ["10.244.0.5"], conditions: { ready: false } }],
  })
  await untilReason(server, "MissingEndpoints")
  assert.equal(
    (await availability(server))?.message,
    `endpoints for service/sample-api in "wardle" have no addresses with port name "api"`,
  )
})

test("a certificate of another authority, or for another name, is not believed", async (t) => {
  const { server, extension } = await startCluster(t)
  await makeService(server)
  await register(server, extension.port, {
    caBundle: Buffer.from(server.pki.frontProxyCaCertificate).toString("base64"),
  })
  await untilReason(server, "FailedDiscoveryCheck")
  const services = server.client.resource(refs.apiservices)
  await services.patch(name, "merge", { spec: { caBundle: null, insecureSkipTLSVerify: true } })
  await untilReason(server, "Passed")
})

test("watches come through as they happen, upgrades are joined", async (t) => {
  const { server, extension } = await startCluster(t)
  await makeService(server)
  await register(server, extension.port)
  await untilReason(server, "Passed")
  const { admin: credentials, caCertificate } = server.pki
  const path = `${root}/namespaces/wardle/flunders`
  const open = (lines: string[]) => {
    const socket = connect({
      ...{ host: "127.0.0.1", port: server.port, ca: caCertificate },
      cert: credentials.certificate,
      key: credentials.key,
      ALPNProtocols: ["http/1.1"],
    })
    t.after(() => socket.destroy())
    let text = ""
    socket.on("data", (chunk: Buffer) => {
      text += chunk.toString()
    })
    socket.write(`${lines.join("\r\n")}\r\n\r\n`)
    return {
      socket,
      until: (part: string) => waitFor(clock, () => text.includes(part), { ...patience, description: part }),
    }
  }
  const watch = open([`GET ${path}?watch=1 HTTP/1.1`, "Host: a"])
  await watch.until("200 OK")
  await server.http("POST", path, { credentials, body: flunder })
  await watch.until(`"type":"ADDED"`)

  const upgraded = open([`GET ${path}/dash/stream HTTP/1.1`, "Host: a", "Connection: Upgrade", "Upgrade: echo"])
  await upgraded.until("101 Switching Protocols")
  upgraded.socket.write("there and back")
  await upgraded.until("there and back")
  assert.equal(extension.seen.find(({ method }) => method === "UPGRADE")?.headers["x-remote-user"], "kubernetes-admin")
})

test("discovery shows the group where its priority puts it, with the resources that its server names", async (t) => {
  const { server, extension } = await startCluster(t)
  await makeService(server)
  await register(server, extension.port)
  const { admin: credentials } = server.pki
  const accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
  // biome-ignore lint/suspicious/noExplicitAny: a document.
  const versionShown = async (): Promise<any> => {
    const { json } = await server.http("GET", "/apis", { credentials, headers: { accept } })
    // biome-ignore lint/suspicious/noExplicitAny: a document.
    return json.items.find((item: any) => item.metadata.name === group)?.versions[0]
  }
  await waitFor(clock, async () => (await versionShown())?.freshness === "Current", {
    ...patience,
    description: "current discovery",
  })
  assert.deepEqual((await versionShown()).resources, [
    {
      resource: "flunders",
      responseKind: { group, version, kind: "Flunder" },
      scope: "Namespaced",
      singularResource: "flunder",
      verbs: ["create", "delete", "get", "list", "watch"],
      shortNames: ["fl"],
    },
  ])
  const groups = (await server.http("GET", "/apis", { credentials })).json.groups as { name: string }[]
  assert.equal(groups.at(-2)?.name, group, "before metrics.k8s.io, which comes last")
  assert.equal((await server.http("GET", `/apis/${group}`, { credentials })).json.preferredVersion.version, version)
  assert.equal((await server.http("GET", root, { credentials })).json.resources[0].name, "flunders")

  extension.isHealthy = false
  await server.client.resource(refs.apiservices).patch(name, "merge", { metadata: { labels: { look: "again" } } })
  await untilReason(server, "FailedDiscoveryCheck")
  assert.equal((await versionShown()).freshness, "Stale")
  assert.equal((await versionShown()).resources.length, 1, "what was known stays")
})

test("API documents show what the other server says of its types", async (t) => {
  const { server, extension } = await startCluster(t)
  await makeService(server)
  await register(server, extension.port)
  const { admin: credentials } = server.pki
  const part = `apis/${group}/${version}`
  const url = await waitFor(
    clock,
    async () => {
      const { paths } = (await server.http("GET", "/openapi/v3", { credentials })).json
      return paths[part]?.serverRelativeURL as string | undefined
    },
    { ...patience, description: "the part in the index" },
  )
  const document = (await server.http("GET", url, { credentials })).json
  const type = "com.example.wardle.v1alpha1.Flunder"
  assert.equal(document.components.schemas[type]["x-kubernetes-group-version-kind"][0].kind, "Flunder")
  assert.deepEqual(Object.keys(document.paths), [`/${part}/namespaces/{namespace}/flunders`])
  const whole = (await server.http("GET", "/openapi/v2", { credentials })).json
  assert.ok(whole.paths[`/${part}/namespaces/{namespace}/flunders`].post)
  assert.ok(whole.paths["/api/v1/pods"])
  assert.equal(whole.definitions[type].properties.spec.properties.reference.type, "string")
  await server.client.resource(refs.apiservices).delete(name)
  const { paths } = (await server.http("GET", "/openapi/v3", { credentials })).json
  assert.equal(paths[part], undefined)
})

test("APIServices of what the server serves itself are there, and kept", async (t) => {
  const { server } = await startCluster(t)
  const services = server.client.resource(refs.apiservices)
  const get = (wanted: string) =>
    waitFor(clock, () => services.get(wanted).catch(() => undefined), { ...patience, description: wanted })
  const apps = await get("v1.apps")
  assert.equal(apps.metadata.labels?.["kube-aggregator.kubernetes.io/automanaged"], "onstart")
  assert.deepEqual(apps.spec, { group: "apps", version: "v1", groupPriorityMinimum: 17800, versionPriority: 15 })
  assert.equal(findCondition(apps.status?.conditions, "Available")?.reason, "Local")
  await get("v1.")

  await server.client.resource(refs.customresourcedefinitions).create({
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: "things.example.com" },
    spec: {
      group: "example.com",
      scope: "Namespaced",
      names: { plural: "things", kind: "Thing" },
      versions: [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema: { type: "object" } } }],
    },
  })
  const custom = await get("v1.example.com")
  assert.equal(custom.metadata.labels?.["kube-aggregator.kubernetes.io/automanaged"], "true")
  await services.delete("v1.example.com")
  await waitFor(clock, async () => (await get("v1.example.com")).metadata.uid !== custom.metadata.uid, {
    ...patience,
    description: "the APIService made anew",
  })
  await server.client.resource(refs.customresourcedefinitions).delete("things.example.com")
  await waitFor(
    clock,
    () =>
      services.get("v1.example.com").then(
        () => false,
        () => true,
      ),
    {
      ...patience,
      description: "the APIService gone with its definition",
    },
  )
})

test("a front proxy is believed, others that claim to be somebody are not", async (t) => {
  const { server } = await startCluster(t)
  const headers = { "X-Remote-User": "jane", "X-Remote-Group": "readers", "X-Remote-Extra-Acme.com%2FProject": "one" }
  const review = { apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview" }
  const ask = (credentials: typeof server.pki.admin) =>
    server.http("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", { credentials, headers, body: review })
  const { userInfo } = (await ask(server.pki.frontProxyClient)).json.status
  assert.deepEqual(userInfo, {
    username: "jane",
    groups: ["readers", "system:authenticated"],
    extra: { "acme.com/project": ["one"] },
  })
  assert.equal((await ask(server.pki.admin)).json.status.userInfo.username, "kubernetes-admin")
  const bare = await server.http("GET", "/api/v1/namespaces", { credentials: server.pki.frontProxyClient })
  assert.equal(bare.status, 403, "a front proxy itself is nobody")
})

test("a namespace goes with what other servers keep in it, and not while they do not answer", async (t) => {
  const { server, extension } = await startCluster(t)
  await makeService(server)
  await register(server, extension.port)
  await untilReason(server, "Passed")
  const { client } = server
  const controllers = newControllers({
    ...{ client, clock, log: silentLogger, random: newRandom(1), metrics: new MetricsRegistry() },
    only: ["namespace", "generic-garbage-collector"],
  })
  await controllers.start()
  t.after(() => controllers.stop(AbortSignal.timeout(2000)))
  const namespaces = client.resource(refs.namespaces)
  await namespaces.create({ apiVersion: "v1", kind: "Namespace", metadata: { name: "full" } })
  const flunders = client.resource(flunderRef)
  const made = (name: string, owner?: KubeObject) =>
    flunders.create({
      ...flunder,
      metadata: {
        name,
        namespace: "full",
        ...(owner
          ? { ownerReferences: [{ apiVersion: "v1", kind: "ConfigMap", name: "o", uid: owner.metadata.uid ?? "" }] }
          : {}),
      },
    })
  const configMaps = client.resource(refs.configmaps)
  const owner = await configMaps.create({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "o", namespace: "full" },
  })
  await made("owned", owner)
  await made("free")
  const names = async () => (await flunders.list({ namespace: "full" })).items.map(({ metadata }) => metadata.name)
  assert.deepEqual(await names(), ["owned", "free"])
  await configMaps.delete("o", { namespace: "full" })
  await waitFor(clock, async () => (await names()).join() === "free", {
    ...patience,
    description: "the owned one gone",
  })

  extension.isHealthy = false
  await client.resource(refs.apiservices).patch(name, "merge", { metadata: { labels: { look: "again" } } })
  await untilReason(server, "FailedDiscoveryCheck")
  await namespaces.delete("full")
  const failure = await waitFor(
    clock,
    async () =>
      findCondition((await namespaces.get("full")).status?.conditions, "NamespaceDeletionDiscoveryFailure")?.status ===
      "True",
    { ...patience, description: "the failure in the conditions" },
  )
  assert.ok(failure)
  extension.isHealthy = true
  await client.resource(refs.apiservices).patch(name, "merge", { metadata: { labels: { look: "once-more" } } })
  await waitFor(
    clock,
    () =>
      namespaces.get("full").then(
        () => false,
        () => true,
      ),
    {
      ...patience,
      description: "the namespace gone",
    },
  )
  assert.deepEqual(await names(), [])
})
