import assert from "node:assert/strict"
import { test } from "node:test"
import { fieldErrorText } from "@ladya/apimachinery"
import type { corev1 } from "../../../index.ts"
import { summarizePod } from "./columns.ts"
import { pod as behaviour } from "./index.ts"
import { bindPod, deletionGraceSeconds } from "./strategy.ts"

const now = Date.parse("2024-01-01T00:00:00Z")

function newPod(spec: Partial<corev1.PodSpec> = {}, metadata: object = {}): corev1.Pod {
  const draft: corev1.Pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p", namespace: "n", ...metadata },
    spec: { containers: [{ name: "c", image: "nginx:1" }], ...spec },
  }
  behaviour.default?.(draft)
  return draft
}

test("defaults are those of the API", () => {
  const draft = newPod({
    containers: [
      {
        name: "c",
        image: "localhost:5000/nginx",
        ports: [{ containerPort: 80 }],
        livenessProbe: { httpGet: { port: 80 } },
        resources: { limits: { cpu: "1", memory: "1Gi" }, requests: { cpu: "500m" } },
        env: [{ name: "A", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } }],
      },
    ],
    volumes: [{ name: "a" }, { name: "s", secret: { secretName: "x" } }],
  })
  assert.deepEqual(draft.spec, {
    containers: [
      {
        name: "c",
        image: "localhost:5000/nginx",
        imagePullPolicy: "Always",
        ports: [{ containerPort: 80, protocol: "TCP" }],
        livenessProbe: {
          httpGet: { path: "/", port: 80, scheme: "HTTP" },
          timeoutSeconds: 1,
          periodSeconds: 10,
          successThreshold: 1,
          failureThreshold: 3,
        },
        resources: { limits: { cpu: "1", memory: "1Gi" }, requests: { cpu: "500m", memory: "1Gi" } },
        env: [{ name: "A", valueFrom: { fieldRef: { apiVersion: "v1", fieldPath: "metadata.name" } } }],
        terminationMessagePath: "/dev/termination-log",
        terminationMessagePolicy: "File",
      },
    ],
    volumes: [
      { name: "a", emptyDir: {} },
      { name: "s", secret: { secretName: "x", defaultMode: 420 } },
    ],
    dnsPolicy: "ClusterFirst",
    restartPolicy: "Always",
    securityContext: {},
    terminationGracePeriodSeconds: 30,
    schedulerName: "default-scheduler",
    enableServiceLinks: true,
  })
})

const invalid: { name: string; spec: Partial<corev1.PodSpec>; errors: string[] }[] = [
  { name: "a plain pod is valid", spec: {}, errors: [] },
  { name: "no containers", spec: { containers: [] }, errors: ["spec.containers: Required value"] },
  {
    name: "every wrong field of a container at once",
    spec: { containers: [{ name: "A_b", ports: [{ containerPort: 70000, name: "http" }] }] },
    errors: [
      "spec.containers[0].name: Invalid value: \"A_b\": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
      "spec.containers[0].image: Required value",
      "spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive",
    ],
  },
  {
    name: "a mount without its volume",
    spec: { containers: [{ name: "c", image: "i", volumeMounts: [{ name: "v", mountPath: "/v" }] }] },
    errors: ['spec.containers[0].volumeMounts[0].name: Not found: "v"'],
  },
  {
    name: "a request above its limit",
    spec: {
      containers: [{ name: "c", image: "i", resources: { requests: { cpu: "2" }, limits: { cpu: "1" } } }],
    },
    errors: ['spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1'],
  },
  {
    name: "a probe of an init container",
    spec: { initContainers: [{ name: "i", image: "i", livenessProbe: { exec: { command: ["x"] } } }] },
    errors: [
      "spec.initContainers[0].livenessProbe: Forbidden: may not be set for init containers without restartPolicy=Always",
    ],
  },
  {
    name: "a sidecar may have probes",
    spec: {
      initContainers: [{ name: "i", image: "i", restartPolicy: "Always", livenessProbe: { exec: { command: ["x"] } } }],
    },
    errors: [],
  },
  {
    name: "names are unique over all containers",
    spec: { initContainers: [{ name: "c", image: "i" }] },
    errors: ['spec.initContainers[0].name: Duplicate value: "c"'],
  },
  {
    name: "two handlers in a probe",
    spec: {
      containers: [{ name: "c", image: "i", readinessProbe: { exec: { command: ["x"] }, tcpSocket: { port: 1 } } }],
    },
    errors: ["spec.containers[0].readinessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type"],
  },
  {
    name: "unknown words",
    spec: { restartPolicy: "Sometimes", dnsPolicy: "None" },
    errors: [
      'spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never"',
      "spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None",
    ],
  },
  {
    name: "tolerations",
    spec: { tolerations: [{ operator: "Equal", value: "x" }] },
    errors: [
      'spec.tolerations[0].operator: Invalid value: "Equal": operator must be Exists when `key` is empty, which means "match all values and all keys"',
    ],
  },
  {
    name: "host ports taken twice",
    spec: {
      containers: [
        { name: "a", image: "i", ports: [{ containerPort: 1, hostPort: 80 }] },
        { name: "b", image: "i", ports: [{ containerPort: 2, hostPort: 80 }] },
      ],
    },
    errors: ['spec.containers[1].ports[0].hostPort: Duplicate value: "TCP//80"'],
  },
  {
    name: "a volume of two sorts",
    spec: { volumes: [{ name: "v", emptyDir: {}, hostPath: { path: "/x" } }] },
    errors: ["spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type"],
  },
  {
    name: "spread without a key",
    spec: { topologySpreadConstraints: [{ maxSkew: 0, topologyKey: "", whenUnsatisfiable: "Maybe" }] },
    errors: [
      "spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero",
      "spec.topologySpreadConstraints[0].topologyKey: Required value: can not be empty",
      'spec.topologySpreadConstraints[0].whenUnsatisfiable: Unsupported value: "Maybe": supported values: "DoNotSchedule", "ScheduleAnyway"',
    ],
  },
]

for (const row of invalid) {
  test(`validation: ${row.name}`, () => {
    const errors = behaviour.validate?.(newPod(row.spec), undefined) ?? []
    assert.deepEqual(errors.map(fieldErrorText), row.errors)
  })
}

const updates: {
  name: string
  change(spec: corev1.PodSpec): void
  error: RegExp | undefined
  from?: Partial<corev1.PodSpec>
}[] = [
  {
    name: "the image may change",
    change: (spec) => {
      spec.containers[0]!.image = "nginx:2"
    },
    error: undefined,
  },
  {
    name: "the command may not",
    change: (spec) => {
      spec.containers[0]!.command = ["x"]
    },
    error: /^spec: Forbidden: pod updates may not change fields other than `spec.containers\[\*\].image`/,
  },
  {
    name: "a deadline may be set",
    change: (spec) => {
      spec.activeDeadlineSeconds = 5
    },
    error: undefined,
  },
  {
    name: "tolerations may be added",
    change: (spec) => {
      spec.tolerations = [...(spec.tolerations ?? []), { key: "b", operator: "Exists" }]
    },
    from: { tolerations: [{ key: "a", operator: "Exists" }] },
    error: undefined,
  },
  {
    name: "but not taken away",
    change: (spec) => {
      spec.tolerations = []
    },
    from: { tolerations: [{ key: "a", operator: "Exists" }] },
    error: /spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds/,
  },
  {
    name: "gates may be taken away",
    change: (spec) => {
      delete spec.schedulingGates
    },
    from: { schedulingGates: [{ name: "a" }] },
    error: undefined,
  },
  {
    name: "containers stay",
    change: (spec) => {
      spec.containers.push({ name: "d", image: "i" })
    },
    error: /spec.containers: Forbidden: pod updates may not add or remove containers/,
  },
]

for (const row of updates) {
  test(`update: ${row.name}`, () => {
    const previous = newPod(row.from)
    const next = structuredClone(previous)
    row.change(next.spec!)
    behaviour.default?.(next)
    const texts = (behaviour.validate?.(next, previous) ?? []).map(fieldErrorText)
    if (row.error) assert.match(texts.join("\n"), row.error)
    else assert.deepEqual(texts, [])
  })
}

const running = { running: { startedAt: "2024-01-01T00:00:00Z" } }
const status = (name: string, rest: Partial<corev1.ContainerStatus>): corev1.ContainerStatus => ({
  name,
  image: "i",
  imageID: "",
  ready: false,
  restartCount: 0,
  ...rest,
})

const printed: { name: string; pod: corev1.Pod; want: string }[] = [
  { name: "pending", pod: { ...newPod(), status: { phase: "Pending" } }, want: "0/1 Pending" },
  {
    name: "creating",
    pod: {
      ...newPod(),
      status: {
        phase: "Pending",
        containerStatuses: [status("c", { state: { waiting: { reason: "ContainerCreating" } } })],
      },
    },
    want: "0/1 ContainerCreating",
  },
  {
    name: "running",
    pod: {
      ...newPod(),
      status: { phase: "Running", containerStatuses: [status("c", { ready: true, state: running })] },
    },
    want: "1/1 Running",
  },
  {
    name: "crash loop",
    pod: {
      ...newPod(),
      status: {
        phase: "Running",
        containerStatuses: [status("c", { restartCount: 2, state: { waiting: { reason: "CrashLoopBackOff" } } })],
      },
    },
    want: "0/1 CrashLoopBackOff",
  },
  {
    name: "initialising",
    pod: {
      ...newPod({ initContainers: [{ name: "i", image: "i" }] }),
      status: { phase: "Pending", initContainerStatuses: [status("i", { state: running })] },
    },
    want: "0/1 Init:0/1",
  },
  {
    name: "init failed",
    pod: {
      ...newPod({ initContainers: [{ name: "i", image: "i" }] }),
      status: {
        phase: "Pending",
        initContainerStatuses: [status("i", { state: { terminated: { exitCode: 1, reason: "Error" } } })],
      },
    },
    want: "0/1 Init:Error",
  },
  {
    name: "killed for memory",
    pod: {
      ...newPod(),
      status: {
        phase: "Failed",
        containerStatuses: [status("c", { state: { terminated: { exitCode: 137, reason: "OOMKilled" } } })],
      },
    },
    want: "0/1 OOMKilled",
  },
  {
    name: "terminating",
    pod: {
      ...newPod({}, { deletionTimestamp: "2024-01-01T00:00:00Z" }),
      status: { phase: "Running", containerStatuses: [status("c", { ready: true, state: running })] },
    },
    want: "1/1 Terminating",
  },
  {
    name: "sidecar counts",
    pod: {
      ...newPod({ initContainers: [{ name: "i", image: "i", restartPolicy: "Always" }] }),
      status: {
        phase: "Running",
        initContainerStatuses: [status("i", { ready: true, started: true, state: running })],
        containerStatuses: [status("c", { ready: true, state: running })],
      },
    },
    want: "2/2 Running",
  },
]

for (const row of printed) {
  test(`columns: ${row.name}`, () => {
    const { ready, total, reason } = summarizePod(row.pod)
    assert.equal(`${ready}/${total} ${reason}`, row.want)
  })
}

test("restarts say how long ago the last one was", () => {
  const column = behaviour.columns?.find(({ name }) => name === "Restarts")
  const draft = newPod()
  draft.status = {
    containerStatuses: [
      status("c", {
        restartCount: 3,
        state: running,
        lastState: { terminated: { exitCode: 1, finishedAt: "2023-12-31T23:55:00Z" } },
      }),
    ],
  }
  assert.equal(column?.cell(draft, now), "3 (5m ago)")
})

test("a new pod is pending, with its QoS class and generation", () => {
  const draft = newPod({ schedulingGates: [{ name: "a" }] })
  behaviour.prepareForCreate?.(draft)
  assert.equal(draft.status?.phase, "Pending")
  assert.equal(draft.status?.qosClass, "BestEffort")
  assert.equal(draft.status?.conditions?.[0]?.reason, "SchedulingGated")
  assert.equal(draft.metadata.generation, 1)
})

test("binding assigns once", () => {
  const draft = newPod()
  const binding: corev1.Binding = {
    apiVersion: "v1",
    kind: "Binding",
    metadata: {},
    target: { kind: "Node", name: "a" },
  }
  assert.equal(bindPod(draft, binding, now), undefined)
  assert.equal(draft.spec?.nodeName, "a")
  assert.equal(draft.status?.conditions?.[0]?.status, "True")
  assert.equal(bindPod(draft, binding, now), 'pod p is already assigned to node "a"')
})

test("deletion waits for pods that run", () => {
  assert.equal(deletionGraceSeconds(newPod()), 0)
  assert.equal(deletionGraceSeconds(newPod({ nodeName: "a" })), 30)
  assert.equal(deletionGraceSeconds(newPod({ nodeName: "a" }), 5), 5)
  assert.equal(deletionGraceSeconds({ ...newPod({ nodeName: "a" }), status: { phase: "Succeeded" } }), 0)
})
