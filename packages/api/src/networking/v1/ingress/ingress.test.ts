import assert from "node:assert/strict"
import { test } from "node:test"
import { fieldErrorText } from "@ladya/apimachinery"
import type { networkingv1 } from "../../../index.ts"
import { create } from "../../../testing/harness.ts"
import { ingress } from "./index.ts"
import { validateIngressStatus } from "./validation.ts"

const newIngress = (more: Partial<networkingv1.Ingress>): networkingv1.Ingress => ({
  apiVersion: "networking.k8s.io/v1",
  kind: "Ingress",
  metadata: { name: "i", namespace: "n", annotations: { "kubernetes.io/ingress.class": "x" } },
  spec: { defaultBackend: { service: { name: "1st", port: { number: 80 } } } },
  ...more,
})

test("the class by annotation is warned of, and must be that of the field", () => {
  const both = newIngress({})
  assert.deepEqual(create(both).errors, [])
  assert.deepEqual(ingress.warnings?.(both, undefined), [
    `annotation "kubernetes.io/ingress.class" is deprecated, please use 'spec.ingressClassName' instead`,
  ])
  assert.deepEqual(create(newIngress({ spec: { ...both.spec, ingressClassName: "y" } })).errors, [
    'annotations.kubernetes.io/ingress.class: Invalid value: "x": must match `ingressClassName` when both are specified',
  ])
})

test("a status names addresses and hosts", () => {
  const points = [{ ip: "010.0.0.1" }, { hostname: "10.0.0.1" }, { ip: "10.0.0.1", hostname: "a.b" }]
  const texts = validateIngressStatus(newIngress({ status: { loadBalancer: { ingress: points } } })).map(fieldErrorText)
  assert.deepEqual(texts, [
    'status.loadBalancer.ingress[0].ip: Invalid value: "010.0.0.1": must not have leading 0s',
    'status.loadBalancer.ingress[1].hostname: Invalid value: "10.0.0.1": must be a DNS name, not an IP address',
  ])
})
