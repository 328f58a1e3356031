import assert from "node:assert/strict"
import { test } from "node:test"
import type { corev1 } from "@ladya/api"
import { testPod } from "../testing/pods.ts"
import { type ConfigReader, ContainerConfigError, containerEnvironment } from "./environment.ts"
import { serviceEnvironment } from "./service-env.ts"

const configMap: corev1.ConfigMap = {
  ...{ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "settings" } },
  data: { COLOUR: "blue", "file.name": "x" },
}
const secret: corev1.Secret = {
  ...{ apiVersion: "v1", kind: "Secret", metadata: { name: "keys" } },
  data: { KEY: Buffer.from("hidden").toString("base64") },
}
const reader: ConfigReader = {
  configMap: async (_, name) => (name === "settings" ? configMap : undefined),
  secret: async (_, name) => (name === "keys" ? secret : undefined),
}

function environment(container: Partial<corev1.Container>): Promise<Record<string, string>> {
  const pod = testPod(
    [{ name: "a", ...container }],
    { nodeName: "n1", serviceAccountName: "default" },
    { labels: { app: "web" } },
  )
  return containerEnvironment({
    pod,
    container: pod.spec?.containers[0] as corev1.Container,
    facts: { podIps: ["10.0.0.1", "fd00::1"], hostIps: ["192.0.2.1"] },
    allocatable: { cpu: "2", memory: "1Gi" },
    serviceVariables: { SVC: "service", SHADOWED: "service" },
    reader,
  })
}

const from = (valueFrom: corev1.EnvVarSource): corev1.EnvVar[] => [{ name: "X", valueFrom }]

const values: { name: string; env: corev1.EnvVar[]; expected: string | undefined }[] = [
  { name: "a value", env: [{ name: "X", value: "v" }], expected: "v" },
  { name: "an empty value", env: [{ name: "X" }], expected: "" },
  {
    name: "a variable before it",
    env: [
      { name: "A", value: "1" },
      { name: "X", value: "$(A)$(A)" },
    ],
    expected: "11",
  },
  {
    name: "a variable after it",
    env: [
      { name: "X", value: "$(A)" },
      { name: "A", value: "1" },
    ],
    expected: "$(A)",
  },
  { name: "a Service's variable", env: [{ name: "X", value: "$(SVC)" }], expected: "service" },
  { name: "a name", env: from({ fieldRef: { fieldPath: "metadata.name" } }), expected: "p" },
  { name: "a label", env: from({ fieldRef: { fieldPath: "metadata.labels['app']" } }), expected: "web" },
  { name: "a label that is not there", env: from({ fieldRef: { fieldPath: "metadata.labels['x']" } }), expected: "" },
  { name: "addresses", env: from({ fieldRef: { fieldPath: "status.podIPs" } }), expected: "10.0.0.1,fd00::1" },
  { name: "the node", env: from({ fieldRef: { fieldPath: "spec.nodeName" } }), expected: "n1" },
  { name: "a limit", env: from({ resourceFieldRef: { resource: "limits.memory", divisor: "1Mi" } }), expected: "64" },
  {
    name: "a limit, rounded up",
    env: from({ resourceFieldRef: { resource: "limits.memory", divisor: "1Gi" } }),
    expected: "1",
  },
  { name: "no limit: the node's", env: from({ resourceFieldRef: { resource: "limits.cpu" } }), expected: "2" },
  { name: "no request", env: from({ resourceFieldRef: { resource: "requests.cpu" } }), expected: "0" },
  { name: "a ConfigMap's key", env: from({ configMapKeyRef: { name: "settings", key: "COLOUR" } }), expected: "blue" },
  { name: "a Secret's key", env: from({ secretKeyRef: { name: "keys", key: "KEY" } }), expected: "hidden" },
  {
    name: "an optional key",
    env: from({ secretKeyRef: { name: "keys", key: "none", optional: true } }),
    expected: undefined,
  },
  {
    name: "an optional Secret",
    env: from({ secretKeyRef: { name: "none", key: "none", optional: true } }),
    expected: undefined,
  },
]
for (const { name, env, expected } of values) {
  test(`environment: ${name}`, async () => {
    const result = await environment({ env, resources: { limits: { memory: "64Mi" } } })
    assert.equal(result["X"], expected)
  })
}

const failures: { name: string; container: Partial<corev1.Container>; message: string }[] = [
  {
    name: "no Secret",
    container: { env: from({ secretKeyRef: { name: "none", key: "k" } }) },
    message: 'secret "none" not found',
  },
  {
    name: "no key",
    container: { env: from({ configMapKeyRef: { name: "settings", key: "k" } }) },
    message: "couldn't find key k in ConfigMap ns/settings",
  },
  {
    name: "no ConfigMap",
    container: { envFrom: [{ configMapRef: { name: "none" } }] },
    message: 'configmap "none" not found',
  },
]
for (const { name, container, message } of failures) {
  test(`environment: ${name} is an error`, () =>
    assert.rejects(environment(container), new ContainerConfigError(message)))
}

test("environment: whole objects, with a prefix; later ones win", async () => {
  const result = await environment({
    envFrom: [
      { configMapRef: { name: "settings" } },
      { prefix: "P_", secretRef: { name: "keys" } },
      { secretRef: { name: "no", optional: true } },
    ],
    env: [
      { name: "COLOUR", value: "own" },
      { name: "SHADOWED", value: "own" },
    ],
  })
  assert.deepEqual(result, { COLOUR: "own", "file.name": "x", P_KEY: "hidden", SVC: "service", SHADOWED: "own" })
})

function service(namespace: string, name: string, clusterIP: string, ports: corev1.ServicePort[]): corev1.Service {
  return { apiVersion: "v1", kind: "Service", metadata: { namespace, name }, spec: { clusterIP, ports } }
}

test("the variables of Services", () => {
  const services = [
    service("default", "kubernetes", "10.96.0.1", [{ name: "https", port: 443 }]),
    service("ns", "redis-master", "10.96.0.9", [
      { port: 6379, protocol: "TCP" },
      { name: "metrics-udp", port: 9, protocol: "UDP" },
    ]),
    service("ns", "headless", "None", [{ port: 1 }]),
    service("other", "elsewhere", "10.96.0.10", [{ port: 1 }]),
  ]
  const kubernetes = {
    KUBERNETES_SERVICE_HOST: "10.96.0.1",
    KUBERNETES_SERVICE_PORT: "443",
    KUBERNETES_SERVICE_PORT_HTTPS: "443",
    KUBERNETES_PORT: "tcp://10.96.0.1:443",
    KUBERNETES_PORT_443_TCP: "tcp://10.96.0.1:443",
    KUBERNETES_PORT_443_TCP_PROTO: "tcp",
    KUBERNETES_PORT_443_TCP_PORT: "443",
    KUBERNETES_PORT_443_TCP_ADDR: "10.96.0.1",
  }
  assert.deepEqual(serviceEnvironment(services, { namespace: "ns", enableServiceLinks: false }), kubernetes)
  const linked = serviceEnvironment(services, { namespace: "ns", enableServiceLinks: true })
  assert.equal(linked["REDIS_MASTER_SERVICE_HOST"], "10.96.0.9")
  assert.equal(linked["REDIS_MASTER_SERVICE_PORT_METRICS_UDP"], "9")
  assert.equal(linked["REDIS_MASTER_PORT_9_UDP_PROTO"], "udp")
  assert.deepEqual(
    Object.keys(linked).filter((name) => /HEADLESS|ELSEWHERE/.test(name)),
    [],
  )
})
