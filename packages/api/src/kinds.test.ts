import assert from "node:assert/strict"
import { test } from "node:test"
import type { autoscalingv1, autoscalingv2, batchv1, certificatesv1 } from "./index.ts"
import { kindByGvk, kinds } from "./registry.ts"
import { cells, create, update } from "./testing/harness.ts"

const template = {
  metadata: { labels: { a: "b" } },
  spec: { restartPolicy: "Never", containers: [{ name: "c", image: "i:1" }] },
}

const of = (apiVersion: string, kind: string, rest: object, name = "x"): unknown => ({
  apiVersion,
  kind,
  metadata: { name, namespace: "n", uid: "u" },
  ...rest,
})

const rbac = "rbac.authorization.k8s.io/v1"
const networking = "networking.k8s.io/v1"
const admission = "admissionregistration.k8s.io/v1"
const crd = (spec: object, name = "widgets.example.com"): unknown =>
  of(
    "apiextensions.k8s.io/v1",
    "CustomResourceDefinition",
    {
      spec: {
        group: "example.com",
        scope: "Namespaced",
        names: { plural: "widgets", kind: "Widget" },
        versions: [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema: { type: "object" } } }],
        ...spec,
      },
    },
    name,
  )
const webhook = {
  name: "a.b.c",
  sideEffects: "None",
  admissionReviewVersions: ["v1"],
  clientConfig: { url: "https://x" },
}
const service = { name: "s", port: { number: 80 } }
const autoscaler = { scaleTargetRef: { kind: "Deployment", name: "d" }, maxReplicas: 3 }
const volume = { accessModes: ["ReadWriteOnce"], capacity: { storage: "1Gi" }, hostPath: { path: "/x" } }
const claim = { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } }

const rows: { name: string; object: unknown; errors: string[] }[] = [
  {
    name: "a role",
    object: of(rbac, "Role", { rules: [{ verbs: ["get"], apiGroups: [""], resources: ["pods"] }] }),
    errors: [],
  },
  {
    name: "a role without verbs, for URLs",
    object: of(rbac, "Role", { rules: [{ verbs: [], nonResourceURLs: ["/x"] }] }),
    errors: [
      "rules[0].verbs: Required value: verbs must contain at least one value",
      'rules[0].nonResourceURLs: Invalid value: ["/x"]: namespaced rules cannot apply to non-resource URLs',
    ],
  },
  {
    name: "a cluster role binding to a role",
    object: of(rbac, "ClusterRoleBinding", {
      roleRef: { kind: "Role", name: "r" },
      subjects: [{ kind: "ServiceAccount", name: "s" }],
    }),
    errors: [
      'roleRef.kind: Unsupported value: "Role": supported values: "ClusterRole"',
      "subjects[0].namespace: Required value",
    ],
  },
  {
    name: "a priority of the system's",
    object: of("scheduling.k8s.io/v1", "PriorityClass", { value: 2_000_000_000 }),
    errors: ["value: Forbidden: maximum allowed value of a user defined priority is 1000000000"],
  },
  { name: "a job", object: of("batch/v1", "Job", { spec: { template } }), errors: [] },
  {
    name: "a job whose pods always restart",
    object: of("batch/v1", "Job", {
      spec: { backoffLimit: -1, template: { spec: { containers: [{ name: "c", image: "i" }] } } },
    }),
    errors: [
      "spec.backoffLimit: Invalid value: -1: must be greater than or equal to 0",
      'spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"',
    ],
  },
  {
    name: "an indexed job without completions",
    object: of("batch/v1", "Job", { spec: { template, completionMode: "Indexed", parallelism: 2 } }),
    errors: ["spec.completions: Required value: when completion mode is Indexed"],
  },
  {
    name: "a cron job",
    object: of("batch/v1", "CronJob", { spec: { schedule: "*/5 * * * mon-fri", jobTemplate: { spec: { template } } } }),
    errors: [],
  },
  {
    name: "a cron job with a bad schedule and zone",
    object: of("batch/v1", "CronJob", {
      spec: { schedule: "* * *", timeZone: "Mars/Olympus", jobTemplate: { spec: { template } } },
    }),
    errors: [
      'spec.schedule: Invalid value: "* * *": expected exactly 5 fields, found 3: [* * *]',
      'spec.timeZone: Invalid value: "Mars/Olympus": unknown time zone Mars/Olympus',
    ],
  },
  { name: "a volume", object: of("v1", "PersistentVolume", { spec: volume }), errors: [] },
  {
    name: "a volume of nothing",
    object: of("v1", "PersistentVolume", { spec: { capacity: { cpu: "1" } } }),
    errors: [
      "spec.accessModes: Required value",
      'spec.capacity: Unsupported value: {"cpu":"1"}: supported values: "storage"',
      "spec: Required value: must specify a volume type",
    ],
  },
  { name: "a claim", object: of("v1", "PersistentVolumeClaim", { spec: claim }), errors: [] },
  {
    name: "a claim of nothing",
    object: of("v1", "PersistentVolumeClaim", { spec: { accessModes: ["Some"] } }),
    errors: [
      'spec.accessModes: Unsupported value: "Some": supported values: "ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"',
      "spec.resources[storage]: Required value",
    ],
  },
  {
    name: "a storage class without provisioner",
    object: of("storage.k8s.io/v1", "StorageClass", { reclaimPolicy: "Burn" }),
    errors: [
      "provisioner: Required value",
      'reclaimPolicy: Unsupported value: "Burn": supported values: "Delete", "Retain"',
    ],
  },
  {
    name: "a quota on what is not counted",
    object: of("v1", "ResourceQuota", { spec: { hard: { bananas: "1" }, scopes: ["BestEffort", "NotBestEffort"] } }),
    errors: [
      'spec.hard[bananas]: Invalid value: "bananas": must be a standard resource type or fully qualified',
      'spec.hard[bananas]: Invalid value: "bananas": must be a standard resource for quota',
      'spec.scopes: Invalid value: ["BestEffort","NotBestEffort"]: conflicting scopes',
    ],
  },
  {
    name: "a limit range upside down",
    object: of("v1", "LimitRange", { spec: { limits: [{ type: "Pod", min: { cpu: "2" }, max: { cpu: "1" } }] } }),
    errors: ['spec.limits[0].min[cpu]: Invalid value: "2": min value 2 is greater than max value 1'],
  },
  {
    name: "an ingress",
    object: of(networking, "Ingress", {
      spec: {
        rules: [{ host: "*.x.com", http: { paths: [{ path: "/", pathType: "Prefix", backend: { service } }] } }],
      },
    }),
    errors: [],
  },
  {
    name: "an ingress with everything wrong",
    object: of(networking, "Ingress", {
      spec: { rules: [{ host: "10.0.0.1", http: { paths: [{ path: "x", pathType: "Exact", backend: {} }] } }] },
    }),
    errors: [
      'spec.rules[0].host: Invalid value: "10.0.0.1": must be a DNS name, not an IP address',
      'spec.rules[0].http.paths[0].path: Invalid value: "x": must be an absolute path',
      "spec.rules[0].http.paths[0].backend: Required value: must specify exactly one of service or resource backend",
    ],
  },
  {
    name: "a network policy with a hole outside its block",
    object: of(networking, "NetworkPolicy", {
      spec: { ingress: [{ from: [{ ipBlock: { cidr: "10.0.0.0/24", except: ["10.1.0.0/28"] } }, {}] }] },
    }),
    errors: [
      'spec.ingress[0].from[0].ipBlock.except[0]: Invalid value: "10.1.0.0/28": must be a strict subset of `cidr`',
      "spec.ingress[0].from[1]: Required value: must specify a peer",
    ],
  },
  { name: "an autoscaler", object: of("autoscaling/v2", "HorizontalPodAutoscaler", { spec: autoscaler }), errors: [] },
  {
    name: "an autoscaler upside down",
    object: of("autoscaling/v2", "HorizontalPodAutoscaler", { spec: { ...autoscaler, minReplicas: 5 } }),
    errors: ["spec.maxReplicas: Invalid value: 3: must be greater than or equal to `minReplicas`"],
  },
  {
    name: "a budget of both sorts",
    object: of("policy/v1", "PodDisruptionBudget", { spec: { minAvailable: 1, maxUnavailable: "120%" } }),
    errors: [
      'spec: Invalid value: {"minAvailable":1,"maxUnavailable":"120%"}: minAvailable and maxUnavailable cannot be both set',
      'spec.maxUnavailable: Invalid value: "120%": must not be greater than 100%',
    ],
  },
  { name: "a definition", object: crd({}), errors: [] },
  {
    name: "a definition with another name and no stored version",
    object: crd(
      { versions: [{ name: "v1", served: true, storage: false, schema: { openAPIV3Schema: { type: "object" } } }] },
      "x.example.com",
    ),
    errors: [
      'metadata.name: Invalid value: "x.example.com": must be spec.names.plural+"."+spec.group',
      'spec.versions: Invalid value: [{"name":"v1","served":true,"storage":false,"schema":{"openAPIV3Schema":{"type":"object"}}}]: must have exactly one version marked as storage version',
    ],
  },
  {
    name: "a webhook",
    object: of(admission, "ValidatingWebhookConfiguration", { webhooks: [webhook] }),
    errors: [],
  },
  {
    name: "a webhook over plain HTTP",
    object: of(admission, "MutatingWebhookConfiguration", {
      webhooks: [{ ...webhook, name: "a.b", sideEffects: "Some", clientConfig: { url: "http://x" } }],
    }),
    errors: [
      'webhooks[0].name: Invalid value: "a.b": should be a domain with at least three segments separated by dots',
      'webhooks[0].sideEffects: Unsupported value: "Some": supported values: "None", "NoneOnDryRun"',
      "webhooks[0].clientConfig.url: Invalid value: \"http\": 'https' is the only allowed URL scheme; desired format: https://host[/path]",
    ],
  },
  {
    name: "a certificate request without a request",
    object: of("certificates.k8s.io/v1", "CertificateSigningRequest", { spec: { signerName: "x", usages: ["dance"] } }),
    errors: [
      "spec.request: Required value",
      "spec.usages[0]: Unsupported value",
      'spec.signerName: Invalid value: "x": must be a fully qualified domain and path of the form "example.com/signer-name"',
    ],
  },
  {
    name: "a runtime class with a bad handler",
    object: of("node.k8s.io/v1", "RuntimeClass", { handler: "A" }),
    errors: ["handler: Invalid value"],
  },
]

for (const row of rows) {
  test(`validation: ${row.name}`, () => {
    const { errors } = create(row.object)
    assert.equal(errors.length, row.errors.length, errors.join("\n"))
    for (const [index, want] of row.errors.entries()) assert.ok(errors[index]?.startsWith(want), errors[index])
  })
}

test("a job selects its own pods", () => {
  const { spec } = create(of("batch/v1", "Job", { spec: { template } })).object as batchv1.Job
  assert.deepEqual(spec?.selector, { matchLabels: { "batch.kubernetes.io/controller-uid": "u" } })
  assert.equal(spec?.template.metadata?.labels?.["job-name"], "x")
  assert.equal(spec?.completions, 1)
  assert.equal(spec?.backoffLimit, 6)
})

test("a job's template stays", () => {
  const { object } = create(of("batch/v1", "Job", { spec: { template } }))
  const { errors } = update(object, (draft: batchv1.Job) => {
    draft.spec!.template.spec!.containers[0]!.image = "other:1"
  })
  assert.match(errors.join(), /^spec.template: Invalid value: .*: field is immutable$/)
})

test("a role reference stays", () => {
  const { object } = create(of(rbac, "RoleBinding", { roleRef: { kind: "Role", name: "a" } }))
  const { errors } = update(object, (draft: { roleRef: { name: string } }) => {
    draft.roleRef.name = "b"
  })
  assert.match(errors.join(), /^roleRef: Invalid value: .*: cannot change roleRef$/)
})

test("an autoscaler without metrics looks at the CPU", () => {
  const { spec } = create(of("autoscaling/v2", "HorizontalPodAutoscaler", { spec: { ...autoscaler, behavior: {} } }))
    .object as autoscalingv2.HorizontalPodAutoscaler
  assert.equal(spec?.minReplicas, 1)
  assert.equal(spec?.metrics?.[0]?.resource?.target.averageUtilization, 80)
  assert.equal(spec?.behavior?.scaleUp?.policies?.length, 2)
  assert.equal(spec?.behavior?.scaleDown?.selectPolicy, "Max")
})

test("columns of an autoscaler are the same in both versions", () => {
  const status = { currentReplicas: 2, desiredReplicas: 2 }
  const v2 = of("autoscaling/v2", "HorizontalPodAutoscaler", {
    spec: {
      ...autoscaler,
      minReplicas: 1,
      metrics: [
        { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 80 } } },
      ],
    },
    status: {
      ...status,
      currentMetrics: [{ type: "Resource", resource: { name: "cpu", current: { averageUtilization: 50 } } }],
    },
  })
  const v1: unknown = {
    ...(v2 as autoscalingv1.HorizontalPodAutoscaler),
    apiVersion: "autoscaling/v1",
    spec: { ...autoscaler, minReplicas: 1, targetCPUUtilizationPercentage: 80 },
    status: { ...status, currentCPUUtilizationPercentage: 50 },
  }
  assert.equal(cells(v2)["Targets"], "cpu: 50%/80%")
  assert.deepEqual(cells(v1), cells(v2))
})

test("an approval is given once and not by a status update", () => {
  const kind = kindByGvk({ group: "certificates.k8s.io", version: "v1", kind: "CertificateSigningRequest" })
  const approved = { type: "Approved", status: "True" }
  const stored = of("certificates.k8s.io/v1", "CertificateSigningRequest", { spec: {}, status: {} })
  const request = stored as certificatesv1.CertificateSigningRequest
  const draft = { ...structuredClone(request), status: { conditions: [approved] } }
  kind?.behaviour.prepareForStatusUpdate?.(draft, request)
  const errors = kind?.behaviour.validateStatus?.(draft, request) ?? []
  assert.deepEqual(
    errors.map(({ detail }) => detail),
    ['updates may not add a condition of type "Approved"'],
  )
  const viaApproval = { ...structuredClone(request), status: { conditions: [approved] } }
  kind?.behaviour.subresourceUpdates?.["approval"]?.prepare(viaApproval, request)
  assert.deepEqual(viaApproval.status, { conditions: [approved] })
})

test("a certificate request says who made it, whatever it says itself", () => {
  const kind = kindByGvk({ group: "certificates.k8s.io", version: "v1", kind: "CertificateSigningRequest" })
  const draft = of("certificates.k8s.io/v1", "CertificateSigningRequest", {
    spec: { signerName: "a.b/c", username: "root", uid: "0", groups: ["system:masters"] },
  }) as certificatesv1.CertificateSigningRequest
  kind?.behaviour.prepareForCreate?.(draft, { name: "bob", groups: ["g"], extra: { k: ["v"] } })
  assert.deepEqual(draft.spec, { signerName: "a.b/c", username: "bob", groups: ["g"], extra: { k: ["v"] } })
})

test("every kind's defaults, strategy and validation bear an object with nothing in it", () => {
  for (const kind of kinds) {
    const draft = {
      apiVersion: kind.group ? `${kind.group}/${kind.version}` : kind.version,
      kind: kind.kind,
      metadata: { name: "x" },
    }
    const where = `${draft.apiVersion} ${draft.kind}`
    assert.doesNotThrow(() => {
      kind.behaviour.default?.(draft)
      kind.behaviour.prepareForCreate?.(draft)
      kind.behaviour.validate?.(draft, undefined)
      const copy = structuredClone(draft)
      kind.behaviour.prepareForUpdate?.(copy, draft)
      kind.behaviour.validate?.(copy, draft)
      kind.behaviour.prepareForStatusUpdate?.(copy, draft)
      kind.behaviour.validateStatus?.(copy, draft)
      kind.behaviour.warnings?.(copy, undefined)
      kind.behaviour.selectableFields?.(draft)
    }, where)
  }
})
