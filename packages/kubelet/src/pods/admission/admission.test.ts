import assert from "node:assert/strict"
import { test } from "node:test"
import type { corev1 } from "@ladya/api"
import { testPod } from "../../testing/pods.ts"
import type { Pod } from "../pod.ts"
import { planAdmission } from "./admission.ts"

const node: corev1.Node = {
  ...{ apiVersion: "v1", kind: "Node", metadata: { name: "n1", labels: { disk: "ssd", cores: "8" } } },
  status: { allocatable: { cpu: "2", memory: "1Gi", pods: "3" } },
}
const asks = (cpu: string, name = "p"): Pod => testPod([{ name: "a", resources: { requests: { cpu } } }], {}, { name })
const port = (hostPort: number, more: Partial<corev1.ContainerPort> = {}): Pod =>
  testPod([{ name: "a", ports: [{ containerPort: 80, hostPort, ...more }] }])
const affinity = (operator: string, values: string[]): Pod =>
  testPod(["a"], {
    affinity: {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: [{ matchExpressions: [{ key: "cores", operator, values }] }],
        },
      },
    },
  })

const sysctl = (name: string, spec: Partial<corev1.PodSpec> = {}): Pod =>
  testPod(["a"], { ...spec, securityContext: { sysctls: [{ name, value: "1" }] } })

const cases: { name: string; pod: Pod; others?: Pod[]; without?: boolean; expected: string | undefined }[] = [
  { name: "a pod that fits", pod: asks("1"), others: [asks("1")], expected: undefined },
  {
    name: "too much CPU",
    pod: asks("1500m"),
    others: [asks("1")],
    expected: "OutOfcpu: Node didn't have enough resource: cpu, requested: 1500, used: 1000, capacity: 2000",
  },
  {
    name: "too many pods",
    pod: testPod(["a"]),
    others: [asks("0"), asks("0"), asks("0")],
    expected: "OutOfpods: Node didn't have enough resource: pods, requested: 1, used: 3, capacity: 3",
  },
  {
    name: "a resource the node has not",
    pod: testPod([{ resources: { requests: { "example.com/gpu": "1" } } }]),
    expected:
      "OutOfexample.com/gpu: Node didn't have enough resource: example.com/gpu, requested: 1, used: 0, capacity: 0",
  },
  { name: "an unknown node", pod: asks("9"), without: true, expected: undefined },
  { name: "a node selector", pod: testPod(["a"], { nodeSelector: { disk: "ssd" } }), expected: undefined },
  {
    name: "another node's selector",
    pod: testPod(["a"], { nodeSelector: { disk: "hdd" } }),
    expected: "NodeAffinity: Predicate NodeAffinity failed",
  },
  { name: "affinity", pod: affinity("Gt", ["4"]), expected: undefined },
  { name: "other affinity", pod: affinity("In", ["4"]), expected: "NodeAffinity: Predicate NodeAffinity failed" },
  { name: "a taken port", pod: port(8080), others: [port(8080)], expected: "NodePorts: Predicate NodePorts failed" },
  {
    name: "the same port of another protocol",
    pod: port(8080),
    others: [port(8080, { protocol: "UDP" })],
    expected: undefined,
  },
  {
    name: "the same port on another address",
    pod: port(8080, { hostIP: "1.1.1.1" }),
    others: [port(8080, { hostIP: "2.2.2.2" })],
    expected: undefined,
  },
  {
    name: "user namespaces",
    pod: testPod(["a"], { hostUsers: false }),
    expected:
      "UnsupportedUserNamespaces: the container runtime of this node has no user namespaces: spec.hostUsers must not be false",
  },
  { name: "a safe sysctl", pod: sysctl("net/ipv4/tcp_rmem"), expected: undefined },
  {
    name: "an unsafe sysctl",
    pod: sysctl("kernel.msgmax"),
    expected: 'SysctlForbidden: forbidden sysctl: "kernel.msgmax" not allowlisted',
  },
  {
    name: "a sysctl of the node's network",
    pod: sysctl("net.ipv4.tcp_rmem", { hostNetwork: true }),
    expected: 'SysctlForbidden: forbidden sysctl: "net.ipv4.tcp_rmem" not allowed with host net enabled',
  },
  {
    name: "another system",
    pod: testPod(["a"], { os: { name: "windows" } }),
    expected: "PodOSNotSupported: Failed to admit pod as the OS field doesn't match node OS",
  },
]
for (const { name, pod, others = [], without, expected } of cases) {
  test(`admission: ${name}`, () => {
    const rejection = planAdmission({ pod, others, node: without ? undefined : node })
    assert.equal(rejection && `${rejection.reason}: ${rejection.message}`, expected)
  })
}
