import { type corev1, refs } from "@ladya/api"
import type { ConformanceContext } from "../support/context.ts"
import { expectLines } from "../support/output.ts"
import { conformance } from "../support/registry.ts"

/** Not through a shell: those keep only names that are theirs. */
const command = ["env"]

async function createMap(t: ConformanceContext, namespace: string): Promise<void> {
  const data = { "data-1": "value-1", "data-2": "value-2", "data-3": "value-3" }
  const metadata = { name: "source", namespace }
  await t.client.resource(refs.configmaps).create({ apiVersion: "v1", kind: "ConfigMap", metadata, data })
}

async function createSecret(t: ConformanceContext, namespace: string): Promise<void> {
  const stringData = { "data-1": "value-1", "data-2": "value-2", "data-3": "value-3" }
  const metadata = { name: "source", namespace }
  await t.client.resource(refs.secrets).create({ apiVersion: "v1", kind: "Secret", metadata, stringData })
}

const fieldEnv = (name: string, fieldPath: string): corev1.EnvVar => ({ name, valueFrom: { fieldRef: { fieldPath } } })
const resourceEnv = (name: string, resource: string, divisor = "1"): corev1.EnvVar => ({
  name,
  valueFrom: { resourceFieldRef: { resource, divisor } },
})

conformance(
  "[sig-node] ConfigMap should be consumable via environment variable [NodeConformance] [Conformance]",
  async (t) => {
    const namespace = await t.namespace()
    await createMap(t, namespace)
    const valueFrom = { configMapKeyRef: { name: "source", key: "data-1" } }
    await expectLines(t, namespace, ["CONFIG_DATA_1=value-1"], { command, env: [{ name: "CONFIG_DATA_1", valueFrom }] })
  },
)

const prefixed = ["data-1=value-1", "data-2=value-2", "p-data-1=value-1", "p-data-3=value-3"]

for (const codename of [
  "[sig-node] ConfigMap should be consumable via the environment [NodeConformance] [Conformance]",
  "[sig-node] ConfigMap should be consumable as environment variable names with various prefixes [Conformance]",
]) {
  conformance(codename, async (t) => {
    const namespace = await t.namespace()
    await createMap(t, namespace)
    const configMapRef = { name: "source" }
    const prefixes = ["p-", "#@", "1."].map((prefix) => ({ prefix, configMapRef }))
    const lines = [...prefixed, "#@data-1=value-1", "1.data-2=value-2"]
    await expectLines(t, namespace, lines, { command, envFrom: [{ configMapRef }, ...prefixes] })
  })
}

conformance(
  "[sig-node] Secrets should be consumable from pods in env vars [NodeConformance] [Conformance]",
  async (t) => {
    const namespace = await t.namespace()
    await createSecret(t, namespace)
    const valueFrom = { secretKeyRef: { name: "source", key: "data-1" } }
    await expectLines(t, namespace, ["SECRET_DATA=value-1"], { command, env: [{ name: "SECRET_DATA", valueFrom }] })
  },
)

for (const codename of [
  "[sig-node] Secrets should be consumable via the environment [NodeConformance] [Conformance]",
  "[sig-node] Secrets should be consumable as environment variable names variable names with various prefixes [Conformance]",
]) {
  conformance(codename, async (t) => {
    const namespace = await t.namespace()
    await createSecret(t, namespace)
    const secretRef = { name: "source" }
    await expectLines(t, namespace, prefixed, { command, envFrom: [{ secretRef }, { prefix: "p-", secretRef }] })
  })
}

const ip = "\\d+\\.\\d+\\.\\d+\\.\\d+"

conformance(
  "[sig-node] Downward API should provide pod name, namespace and IP address as env vars [NodeConformance] [Conformance]",
  async (t) => {
    const namespace = await t.namespace()
    const env = [
      fieldEnv("POD_NAME", "metadata.name"),
      fieldEnv("POD_NAMESPACE", "metadata.namespace"),
      fieldEnv("POD_IP", "status.podIP"),
    ]
    const lines = [/^POD_NAME=pod-/, `POD_NAMESPACE=${namespace}`, new RegExp(`^POD_IP=${ip}$`)]
    await expectLines(t, namespace, lines, { command, env })
  },
)

conformance(
  "[sig-node] Downward API should provide host IP as an env var [NodeConformance] [Conformance]",
  async (t) => {
    const env = [fieldEnv("HOST_IP", "status.hostIP")]
    await expectLines(t, await t.namespace(), [new RegExp(`^HOST_IP=${ip}$`)], { command, env })
  },
)

conformance(
  "[sig-node] Downward API should provide hostIPs as an env var [NodeConformance] [Conformance]",
  async (t) => {
    const env = [fieldEnv("HOST_IPS", "status.hostIPs")]
    await expectLines(t, await t.namespace(), [new RegExp(`^HOST_IPS=${ip}`)], { command, env })
  },
)

conformance("[sig-node] Downward API should provide pod UID as env vars [NodeConformance] [Conformance]", async (t) => {
  const env = [fieldEnv("POD_UID", "metadata.uid")]
  await expectLines(t, await t.namespace(), [/^POD_UID=[0-9a-f-]{36}$/], { command, env })
})

const amounts = [
  resourceEnv("CPU_LIMIT", "limits.cpu"),
  resourceEnv("MEMORY_LIMIT", "limits.memory"),
  resourceEnv("CPU_REQUEST", "requests.cpu", "1m"),
  resourceEnv("MEMORY_REQUEST", "requests.memory"),
]

conformance(
  "[sig-node] Downward API should provide container's limits.cpu/memory and requests.cpu/memory as env vars [NodeConformance] [Conformance]",
  async (t) => {
    const requests = { cpu: "10m", memory: "32Mi" }
    const limits = { cpu: "1250m", memory: "64Mi" }
    const lines = ["CPU_LIMIT=2", "MEMORY_LIMIT=67108864", "CPU_REQUEST=10", "MEMORY_REQUEST=33554432"]
    await expectLines(t, await t.namespace(), lines, { command, env: amounts, resources: { requests, limits } })
  },
)

conformance(
  "[sig-node] Downward API should provide default limits.cpu/memory from node allocatable [NodeConformance] [Conformance]",
  async (t) => {
    const lines = [/^CPU_LIMIT=[1-9]/, /^MEMORY_LIMIT=[1-9]/]
    await expectLines(t, await t.namespace(), lines, { command, env: amounts })
  },
)

conformance(
  "[sig-node] Variable Expansion should allow composing env vars into new env vars [NodeConformance] [Conformance]",
  async (t) => {
    const env = [
      { name: "FOO", value: "foo-value" },
      { name: "BAR", value: "bar-value" },
      { name: "FOOBAR", value: "$(FOO);;$(BAR)" },
    ]
    const lines = ["FOO=foo-value", "BAR=bar-value", "FOOBAR=foo-value;;bar-value"]
    await expectLines(t, await t.namespace(), lines, { command, env })
  },
)

const value = { env: [{ name: "TEST_VAR", value: "test-value" }] }

conformance(
  "[sig-node] Variable Expansion should allow substituting values in a container's command [NodeConformance] [Conformance]",
  async (t) => {
    const echo = ["sh", "-c", 'TEST_VAR=wrong echo "$(TEST_VAR)"']
    await expectLines(t, await t.namespace(), ["test-value"], { command: echo, ...value })
  },
)

conformance(
  "[sig-node] Variable Expansion should allow substituting values in a container's args [NodeConformance] [Conformance]",
  async (t) => {
    const args = ['TEST_VAR=wrong echo "$(TEST_VAR)"']
    await expectLines(t, await t.namespace(), ["test-value"], { command: ["sh", "-c"], args, ...value })
  },
)

conformance(
  "[sig-node] Variable Expansion should allow substituting values in a volume subpath [Conformance]",
  async (t) => {
    const namespace = await t.namespace()
    const mounts = [
      { name: "work", mountPath: "/logscontainer", subPathExpr: "$(POD_NAME)" },
      { name: "work", mountPath: "/testcontainer" },
    ]
    const test = ["sh", "-c", "test -d /testcontainer/$POD_NAME && echo there"]
    const container = { command: test, env: [fieldEnv("POD_NAME", "metadata.name")], volumeMounts: mounts }
    await expectLines(t, namespace, ["there"], container, { volumes: [{ name: "work", emptyDir: {} }] })
  },
)
