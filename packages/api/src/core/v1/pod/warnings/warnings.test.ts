import assert from "node:assert/strict"
import { test } from "node:test"
import type { appsv1, corev1 } from "../../../../index.ts"
import { nameWarnings, templateWarnings, workloadWarnings } from "./index.ts"

const at = "spec.template"
const container = (more: Partial<corev1.Container>): corev1.PodSpec => ({
  containers: [{ name: "a", image: "a", ...more }],
})

const rows: { name: string; spec: Partial<corev1.PodSpec>; warnings: string[] }[] = [
  { name: "a plain pod", spec: container({}), warnings: [] },
  {
    name: "a variable that hides another",
    spec: container({
      env: [
        { name: "PATH", value: "/bin" },
        { name: "PATH", value: "$(PATH):/opt/bin" },
        { name: "PATH", value: "/usr/bin" },
      ],
    }),
    warnings: [
      'spec.template.spec.containers[0].env[2]: hides previous definition of "PATH", which may be dropped when using apply',
    ],
  },
  {
    name: "ports in each other's way",
    spec: {
      containers: [
        { name: "a", ports: [{ containerPort: 80, name: "web", protocol: "TCP" }] },
        { name: "b", ports: [{ containerPort: 80, name: "web", protocol: "TCP" }] },
        { name: "c", ports: [{ containerPort: 80, hostPort: 80, protocol: "TCP" }] },
      ],
    },
    warnings: [
      'spec.template.spec.containers[1].ports[0].name: duplicate port name "web" with spec.template.spec.containers[0].ports[0].name, services and probes that select ports by name will use spec.template.spec.containers[0].ports[0].name',
      "spec.template.spec.containers[1].ports[0]: duplicate port definition with spec.template.spec.containers[0].ports[0]",
      "spec.template.spec.containers[2].ports[0]: overlapping port definition with spec.template.spec.containers[0].ports[0]",
      "spec.template.spec.containers[2].ports[0]: overlapping port definition with spec.template.spec.containers[1].ports[0]",
    ],
  },
  {
    name: "parts of a byte",
    spec: container({ resources: { limits: { memory: "100m" } } }),
    warnings: [
      'spec.template.spec.containers[0].resources.limits[memory]: fractional byte value "100m" is invalid, must be an integer',
    ],
  },
  {
    name: "a negative grace period",
    spec: { terminationGracePeriodSeconds: -1 },
    warnings: [
      "spec.template.spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1",
    ],
  },
  {
    name: "old labels of nodes, selectors of nothing",
    spec: {
      nodeSelector: { "beta.kubernetes.io/os": "linux" },
      topologySpreadConstraints: [
        { maxSkew: 1, topologyKey: "failure-domain.beta.kubernetes.io/zone", whenUnsatisfiable: "DoNotSchedule" },
      ],
      affinity: {
        podAntiAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: "kubernetes.io/hostname" }],
        },
      },
    },
    warnings: [
      'spec.template.spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" instead',
      'spec.template.spec.topologySpreadConstraints[0].topologyKey: failure-domain.beta.kubernetes.io/zone is deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
      "spec.template.spec.topologySpreadConstraints[0].labelSelector: a null labelSelector results in matching no pod",
      "spec.template.spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].labelSelector: a null labelSelector results in matching no pod",
    ],
  },
  {
    name: "secrets and aliases twice, an old plugin",
    spec: {
      imagePullSecrets: [{ name: "a" }, { name: "a" }, {}],
      hostAliases: [{ ip: "10.0.0.1" }, { ip: "10.0.0.1" }],
      volumes: [{ name: "v", gitRepo: { repository: "r" } }],
    },
    warnings: [
      "spec.template.spec.volumes[0].gitRepo: deprecated in v1.11, and disabled by default in v1.33+",
      'spec.template.spec.hostAliases[1].ip: duplicate ip "10.0.0.1"',
      'spec.template.spec.imagePullSecrets[1].name: duplicate name "a"',
      'spec.template.spec.imagePullSecrets[2].name: invalid empty name ""',
    ],
  },
]

for (const { name, spec, warnings } of rows) {
  test(`warnings: ${name}`, () => {
    assert.deepEqual(templateWarnings(at, { spec: { containers: [], ...spec } }), warnings)
  })
}

test("warnings: annotations that became fields", () => {
  const metadata = { annotations: { "seccomp.security.alpha.kubernetes.io/pod": "runtime/default" } }
  assert.deepEqual(templateWarnings("", { metadata, spec: container({}) }), [
    'metadata.annotations[seccomp.security.alpha.kubernetes.io/pod]: non-functional in v1.27+; use the "seccompProfile" field instead',
  ])
})

test("warnings: a name that is no host name", () => {
  assert.deepEqual(nameWarnings({ name: "a.b" }, "the Pod's hostname"), [
    "metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended: [must not contain dots]",
  ])
})

test("warnings: a template that did not change is not looked at again", () => {
  const warn = workloadWarnings<appsv1.Deployment>("spec.template", ({ spec }) => spec?.template)
  const template = { spec: { containers: [], terminationGracePeriodSeconds: -1 } }
  const deployment: appsv1.Deployment = {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "a" },
    spec: { selector: {}, template },
  }
  assert.equal(warn(deployment, undefined).length, 1)
  assert.deepEqual(warn({ ...deployment, metadata: { name: "a", labels: { a: "b" } } }, deployment), [])
})
