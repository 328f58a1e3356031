import assert from "node:assert/strict"
import { test } from "node:test"
import type { appsv1 } from "../../index.ts"
import { kindByGvk } from "../../registry.ts"
import { cells, create, update } from "../../testing/harness.ts"

const template = {
  metadata: { labels: { app: "a" } },
  spec: { containers: [{ name: "c", image: "nginx:1" }] },
}

const workload = (kind: string, spec: object = {}): unknown => ({
  apiVersion: "apps/v1",
  kind,
  metadata: { name: "w", namespace: "n" },
  spec: { selector: { matchLabels: { app: "a" } }, template, ...spec },
})

for (const kind of ["Deployment", "ReplicaSet", "StatefulSet", "DaemonSet"]) {
  test(`${kind}: a plain one is valid, starts at generation 1, and its selector must fit`, () => {
    const plain = create(workload(kind))
    assert.deepEqual(plain.errors, [])
    assert.equal(plain.object.metadata.generation, 1)
    const { errors } = create(workload(kind, { selector: { matchLabels: { app: "b" } } }))
    assert.deepEqual(errors, [
      'spec.template.metadata.labels: Invalid value: {"app":"a"}: `selector` does not match template `labels`',
    ])
    const once = create(
      workload(kind, { template: { ...template, spec: { ...template.spec, restartPolicy: "Never" } } }),
    )
    assert.deepEqual(once.errors, [
      'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"',
    ])
    assert.match(create(workload(kind, { selector: undefined })).errors.join(), /^spec.selector: Required value/)
  })

  test(`${kind}: the generation follows the spec, not the status`, () => {
    const { object } = create(workload(kind))
    const same = update(object, (draft: appsv1.Deployment) => {
      draft.metadata.labels = { x: "y" }
      draft.status = { replicas: 5 }
    })
    assert.equal(same.object.metadata.generation, 1)
    const changed = update(object, (draft: appsv1.Deployment) => {
      draft.spec!.template.spec!.containers[0]!.image = "nginx:2"
    })
    assert.equal(changed.object.metadata.generation, 2)
    assert.deepEqual(changed.errors, [])
  })
}

test("deployment defaults", () => {
  const { spec } = create(workload("Deployment")).object as appsv1.Deployment
  assert.equal(spec?.replicas, 1)
  assert.deepEqual(spec?.strategy, {
    type: "RollingUpdate",
    rollingUpdate: { maxUnavailable: "25%", maxSurge: "25%" },
  })
  assert.equal(spec?.revisionHistoryLimit, 10)
  assert.equal(spec?.progressDeadlineSeconds, 600)
  assert.equal(spec?.template.spec?.terminationGracePeriodSeconds, 30)
  assert.equal(spec?.template.spec?.enableServiceLinks, undefined)
})

const rows: { name: string; kind: string; spec: object; errors: string[] }[] = [
  {
    name: "several at once",
    kind: "Deployment",
    spec: {
      replicas: -1,
      strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 0, maxUnavailable: 0 } },
      minReadySeconds: 700,
    },
    errors: [
      "spec.replicas: Invalid value: -1: must be greater than or equal to 0",
      "spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0",
      "spec.progressDeadlineSeconds: Invalid value: 600: must be greater than minReadySeconds",
    ],
  },
  {
    name: "no image in the template",
    kind: "Deployment",
    spec: { template: { ...template, spec: { containers: [{ name: "c" }] } } },
    errors: ["spec.template.spec.containers[0].image: Required value"],
  },
  {
    name: "both surge and unavailable",
    kind: "DaemonSet",
    spec: { updateStrategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 1 } } },
    errors: [
      "spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: 1: may not be set when maxUnavailable is non-zero",
    ],
  },
]

for (const row of rows) {
  test(`${row.kind}: ${row.name}`, () => assert.deepEqual(create(workload(row.kind, row.spec)).errors, row.errors))
}

test("a deployment's selector stays", () => {
  const { object } = create(workload("Deployment"))
  const { errors } = update(object, (draft: appsv1.Deployment) => {
    draft.spec!.selector = { matchLabels: { app: "b" } }
    draft.spec!.template.metadata!.labels = { app: "b" }
  })
  assert.deepEqual(errors, ['spec.selector: Invalid value: {"matchLabels":{"app":"b"}}: field is immutable'])
})

test("most of a stateful set stays", () => {
  const { object } = create(workload("StatefulSet", { serviceName: "a" }))
  const { errors } = update(object, (draft: appsv1.StatefulSet) => {
    draft.spec!.serviceName = "b"
  })
  assert.match(errors.join(), /^spec: Forbidden: updates to statefulset spec for fields other than 'replicas'/)
})

test("columns of a deployment", () => {
  const object = {
    ...create(workload("Deployment", { replicas: 3 })).object,
    status: { readyReplicas: 2, updatedReplicas: 3 },
  }
  assert.deepEqual(cells(object), {
    Name: "w",
    Ready: "2/3",
    "Up-to-date": 3,
    Available: 0,
    Age: "<unknown>",
    Containers: "c",
    Images: "nginx:1",
    Selector: "app=a",
  })
})

test("scale", () => {
  const scale = kindByGvk({ group: "apps", version: "v1", kind: "Deployment" })?.behaviour.scale
  const { object } = create(workload("Deployment", { replicas: 3 }))
  assert.deepEqual(scale?.read(object), { specReplicas: 3, statusReplicas: 0, selector: "app=a" })
  scale?.write(object, 0)
  assert.equal(scale?.read(object).specReplicas, 0)
})
