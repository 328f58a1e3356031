import assert from "node:assert/strict"
import { test } from "node:test"
import type { autoscalingv2 } from "../../index.ts"
import { create } from "../../testing/harness.ts"

const newAutoscaler = (spec: Partial<autoscalingv2.HorizontalPodAutoscalerSpec>): unknown => ({
  apiVersion: "autoscaling/v2",
  kind: "HorizontalPodAutoscaler",
  metadata: { name: "a", namespace: "n" },
  spec: { scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "d" }, maxReplicas: 3, ...spec },
})

const rows: { name: string; spec: Record<string, unknown>; errors: string[] }[] = [
  { name: "only a target", spec: {}, errors: [] },
  {
    name: "to nothing by cpu",
    spec: { minReplicas: 0 },
    errors: [
      "spec.minReplicas: Invalid value: 0: must be greater than or equal to 1",
      "spec.metrics: Forbidden: must specify at least one Object or External metric to support scaling to zero replicas",
    ],
  },
  {
    name: "the target of another version",
    spec: { metrics: [{ type: "Resource", resource: { name: "cpu", targetAverageUtilization: 50 } }] },
    errors: [
      "spec.metrics[0].resource.target.type: Required value: must specify a metric target type",
      'spec.metrics[0].resource.target.type: Invalid value: "": must be either Utilization, Value, or AverageValue',
      "spec.metrics[0].resource.target.averageUtilization: Required value: must set either a target raw value or a target utilization",
    ],
  },
  {
    name: "two targets in one",
    spec: {
      metrics: [
        {
          type: "Resource",
          resource: { name: "cpu", target: { type: "Value", averageUtilization: 5, averageValue: "1" } },
        },
      ],
    },
    errors: [
      "spec.metrics[0].resource.target.averageValue: Forbidden: may not set both a target raw value and a target utilization",
    ],
  },
  {
    name: "metrics without amounts",
    spec: {
      metrics: [
        { type: "Pods", pods: { metric: { name: "m" }, target: { type: "AverageValue" } } },
        {
          type: "Object",
          object: { metric: { name: "m" }, describedObject: { kind: "K", name: "k" }, target: { type: "Value" } },
        },
        {
          type: "External",
          external: { metric: { name: "" }, target: { type: "Value", value: "1", averageValue: "1" } },
        },
      ],
    },
    errors: [
      "spec.metrics[0].pods.target.averageValue: Required value: must specify a positive target averageValue",
      "spec.metrics[1].object.target.averageValue: Required value: must set either a target value or averageValue",
      "spec.metrics[2].external.metric.name: Required value: must specify a metric name",
      "spec.metrics[2].external.target.value: Forbidden: may not set both a target value for metric and a per-pod target",
    ],
  },
  {
    name: "a metric of no container",
    spec: {
      metrics: [
        { type: "ContainerResource", containerResource: { name: "dog", target: { type: "Value", averageValue: "1" } } },
      ],
    },
    errors: [
      'spec.metrics[0].containerResource.name: Invalid value: "dog": must be a standard resource type or fully qualified',
      'spec.metrics[0].containerResource.name: Invalid value: "dog": must be a standard resource for containers',
      "spec.metrics[0].containerResource.container: Required value: must specify a container",
    ],
  },
]

for (const { name, spec, errors } of rows) {
  test(`validation: ${name}`, () => {
    assert.deepEqual(create(newAutoscaler(spec)).errors, errors)
  })
}
